using System.CommandLine;
using System.Text;
using Trove.Chain;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Protocol;

namespace Trove.Cli.Commands;

/// <summary>Giving one's votes to somebody else, taking them back, and what those say who vote for others.</summary>
internal static class DelegateCommands
{
    private const int MaxFile = 4 * StatementRequest.MaxText; // UTF-8 bytes of the longest text

    public static Command Delegate()
    {
        var (asset, to) = (AssetArgument(), new Argument<string?>("TO") { Description = "The account that is to vote, by address; 'trove delegates' lists who offers to", Arity = ArgumentArity.ZeroOrOne });
        var back = new Option<bool>("--back") { Description = "Vote yourself again" };
        var (key, passphraseFile, passphraseFd, direct, node) = (Shared.Key(), Shared.PassphraseFile(), Shared.PassphraseFd(), Shared.Direct(), Shared.Node());
        var command = new Command("delegate", "Gives your votes to somebody else, or takes them back, by signature; it costs no gas. Shares, dividends and the right to leave stay yours.") { asset, to, back, key, passphraseFile, passphraseFd, direct, node };
        command.Subcommands.Add(Statement());
        command.SetAction(async (r, ct) =>
        {
            if (r.GetValue(back) == (r.GetValue(to) is not null))
                throw new CommandException("votes are given to one account, or taken back", "name the account, or --back");
            using var keys = Shared.OpenKey(r.GetValue(key)!, r.GetValue(passphraseFile), r.GetValue(passphraseFd));
            using var client = Shared.Client(r.GetValue(node), r.GetValue(direct), r.GetValue(asset), keys.SigningKey);
            var info = await Shared.FindAssetAsync(client, r.GetValue(asset), ct);
            var votes = await DelegateAsync(client, await client.InfoAsync(ct), info, keys.SigningKey, r.GetValue(to) is { } name ? VoteCommands.ParseAddress(name) : keys.SigningKey.Address, ct);
            Print(r.GetValue(Shared.Json), info, votes);
            return 0;
        });
        return command;
    }

    public static Command Votes()
    {
        var (asset, owner, key, passphraseFile, passphraseFd, direct, node) = (AssetArgument(), ContributeCommands.OwnerOption(), MoneyCommands.OptionalKey(), Shared.PassphraseFile(), Shared.PassphraseFd(), Shared.Direct(), Shared.Node());
        var command = new Command("votes", "What an owner votes with, and who votes for it.") { asset, owner, key, passphraseFile, passphraseFd, direct, node };
        command.SetAction(async (r, ct) =>
        {
            using var client = Shared.Client(r.GetValue(node), r.GetValue(direct), r.GetValue(asset), null);
            var info = await Shared.FindAssetAsync(client, r.GetValue(asset), ct);
            Print(r.GetValue(Shared.Json), info, await client.VotesAsync(info.Asset, MoneyCommands.Owner(r.GetValue(owner), r.GetValue(key), r.GetValue(passphraseFile), r.GetValue(passphraseFd)), ct));
            return 0;
        });
        return command;
    }

    public static Command Delegates()
    {
        var (asset, node) = (AssetArgument(), Shared.Node());
        var command = new Command("delegates", "Who votes for others or offers to, by the votes each has, and what they say.") { asset, node };
        command.SetAction(async (r, ct) =>
        {
            using var client = Shared.Client(r.GetValue(node));
            var info = await Shared.FindAssetAsync(client, r.GetValue(asset), ct);
            ulong chainId = (await client.InfoAsync(ct)).ChainId;
            // A statement that its delegate did not sign is the node's, and is not shown.
            var all = (await client.DelegatesAsync(info.Asset, ct)).Select(d => d.Statement is null || IsSigned(chainId, info, d.Delegate, d.Statement) ? (Delegate: d, Forged: false) : (Delegate: d with { Statement = null }, Forged: true)).ToList();
            if (r.GetValue(Shared.Json))
                Shared.PrintJson(all.Select(d => d.Delegate).ToList());
            else if (all.Count == 0)
                Console.WriteLine("everybody votes for themselves; 'trove delegate statement' offers to vote for others");
            foreach (var (d, forged) in r.GetValue(Shared.Json) ? [] : all)
                Console.WriteLine($"""
                    {d.Delegate}
                      votes   {d.Votes} shares, given by {d.Delegators} others
                      says    {(forged ? "(the node shows a statement that this delegate did not sign: ask another node)" : d.Statement is { } s ? Shared.Safe(s.Text) : "nothing")}
                    """);
            return all.Any(d => d.Forged) ? 1 : 0;
        });
        return command;
    }

    /// <summary>Gives votes, by the key's signature.</summary>
    public static async Task<VotesInfo> DelegateAsync(IAssetClient client, NodeInfo info, AssetInfo asset, SigningKey key, Address to, CancellationToken ct)
    {
        ulong nonce = (await client.VotesAsync(asset.Asset, key.Address, ct)).Nonce;
        long expiry = Shared.Deadline();
        return await client.DelegateAsync(asset.Asset, new DelegationRequest(key.Address, to, nonce, expiry,
            Hex.Encode(key.Sign(ContractDigests.Delegation(info.ChainId, asset.Asset, asset.Name, to, nonce, (ulong)expiry)))), ct);
    }

    /// <summary>Is a statement its delegate's own?</summary>
    public static bool IsSigned(ulong chainId, AssetInfo asset, Address @delegate, StatementInfo statement)
    {
        var signature = new byte[65];
        return StatementRequest.Problem(statement.Text) is null && Hex.TryDecode(statement.Signature, signature)
            && Secp256k1.Recover(Messages.DelegateStatement(Messages.Domain(chainId, asset.Ledger), asset.Asset, @delegate, statement.Text, statement.Revision), signature) == @delegate;
    }

    private static Command Statement()
    {
        var file = new Option<FileInfo>("--file") { Description = "Plain text of at most 2,000 characters; line breaks become spaces", Required = true };
        var (asset, key, passphraseFile, passphraseFd, node) = (AssetArgument(), Shared.Key(), Shared.PassphraseFile(), Shared.PassphraseFd(), Shared.Node());
        var command = new Command("statement", "Says to the other owners how you would vote with their votes. It is public; a later one takes its place.") { asset, file, key, passphraseFile, passphraseFd, node };
        command.SetAction(async (r, ct) =>
        {
            var text = ReadText(r.GetValue(file)!);
            using var client = Shared.Client(r.GetValue(node));
            using var keys = Shared.OpenKey(r.GetValue(key)!, r.GetValue(passphraseFile), r.GetValue(passphraseFd));
            var info = await Shared.FindAssetAsync(client, r.GetValue(asset), ct);
            var me = keys.SigningKey.Address;
            ulong revision = ((await client.DelegatesAsync(info.Asset, ct)).FirstOrDefault(d => d.Delegate == me)?.Statement?.Revision ?? 0) + 1;
            var digest = Messages.DelegateStatement(Messages.Domain((await client.InfoAsync(ct)).ChainId, info.Ledger), info.Asset, me, text, revision);
            var stated = await client.StateAsync(info.Asset, me, new StatementRequest(text, revision, Hex.Encode(keys.SigningKey.Sign(digest))), ct);
            if (r.GetValue(Shared.Json))
                Shared.PrintJson(stated);
            else
                Console.WriteLine($"statement {stated.Revision} of {me} about {Shared.Safe(info.Symbol)} is public");
            return 0;
        });
        return command;
    }

    private static string ReadText(FileInfo file)
    {
        if (!file.Exists || file.Length > MaxFile)
            throw new CommandException($"'{Shared.Safe(file.Name)}' is not there, or longer than a statement", $"name a file of at most {StatementRequest.MaxText} characters");
        try
        {
            var lines = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(File.ReadAllBytes(file.FullName)).Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            var text = string.Join(' ', lines);
            return StatementRequest.Problem(text) is { } problem ? throw new CommandException(problem, "write one plain paragraph") : text;
        }
        catch (DecoderFallbackException)
        {
            throw new CommandException($"'{Shared.Safe(file.Name)}' is no text in UTF-8", "save it as UTF-8");
        }
    }

    private static void Print(bool json, AssetInfo asset, VotesInfo v)
    {
        if (json)
        {
            Shared.PrintJson(v);
            return;
        }
        Console.WriteLine($"""
            {v.Account} of {Shared.Safe(asset.Symbol)}
              shares     {v.Shares}
              votes      {v.Votes}, of {v.Delegators} others too
              votes for  {(v.Delegate is not { } d ? "nobody yet: shares vote when they are claimed" : d == v.Account ? "itself" : $"nobody; {d} votes with its shares")}
            """);
    }

    private static Argument<string> AssetArgument() => new("ASSET") { Description = "Asset, by symbol or address" };
}
