using System.CommandLine;
using Trove.Chain;
using Trove.Cli.Contributing;
using Trove.Cli.Direct;
using Trove.Core;
using Trove.Core.Payouts;
using Trove.Crypto;
using Trove.Exports;
using Trove.Node.Protocol;
using Trove.Node.Verification.Pages;

namespace Trove.Cli.Commands;

/// <summary>Contributing, looking at contributions, withdrawing.</summary>
internal static class ContributeCommands
{
    public static Command Contribute()
    {
        var files = new Argument<string[]>("FILE") { Description = "The export as the platform sent it", Arity = ArgumentArity.ZeroOrMore };
        var to = new Option<string?>("--to") { Description = "Asset, by symbol or address; not needed when the node has only one" };
        var mail = new Option<FileInfo[]>("--mail") { Description = $"Mail in which the platform says that the export is ready, saved as .eml; goes to the verifiers whole; up to {EvidenceFile.MaxMails} times" };
        var profile = new Option<bool>("--profile") { Description = "Have the verifiers look for your wallet's code (see 'trove code') in the account's public profile" };
        var post = new Option<string[]>("--post") { Description = $"Address of a post or comment of the account with your wallet's code (see 'trove code'); up to {EvidenceFile.MaxPosts} times" };
        var permalinks = new Option<bool>("--permalinks") { Description = $"Have the verifiers look up {RecordDraw.Count} of your posts and comments, drawn by lot, on the platform" };
        var choices = new ChoiceOptions();
        var resume = new Option<string?>("--resume") { Description = "Contribution whose upload broke off" };
        var (key, passphraseFile, passphraseFd, node) = (Shared.Key(), Shared.PassphraseFile(), Shared.PassphraseFd(), Shared.Node());
        key.Required = false; // an upload goes on without it: what it sends is signed
        var command = new Command("contribute", """
            Contributes an export, encrypted before it leaves this machine.

            Example: trove contribute reddit.zip --to TIDE --key me.key --passphrase-file pass.txt --exclude message --redact mail
            """) { files, to, mail, profile, post, permalinks, resume, key, passphraseFile, passphraseFd, node };
        choices.AddTo(command);
        command.SetAction(async (r, ct) =>
        {
            using var client = Shared.Client(r.GetValue(node));
            using var progress = new Progress();
            if (r.GetValue(resume) is { } broken)
            {
                if (!Hash32.TryParse(broken, out var id))
                    throw new CommandException("--resume takes a contribution's id", "list them with 'trove contributions'");
                await Contributor.ResumeAsync(client, id, Shared.DefaultData, progress.Report, ct);
                Console.WriteLine($"uploaded: {id}");
                return 0;
            }
            if (r.GetValue(files) is not { Length: > 0 } paths)
                throw new CommandException("no export was named", "give the ZIP that the platform sent you");
            var chosen = choices.Read(r);
            var mails = Contributor.ReadMails(r.GetValue(mail) ?? []);
            var pages = Contributor.ReadPages(r.GetValue(profile), r.GetValue(permalinks), r.GetValue(post) ?? []);
            using var keys = Shared.OpenKey(r.GetValue(key) ?? throw new CommandException("no key was named that signs the contribution", "name yours with --key; 'trove key new' makes one"),
                r.GetValue(passphraseFile), r.GetValue(passphraseFd));
            var asset = await Shared.FindAssetAsync(client, r.GetValue(to), ct);
            var done = await new Contributor(client, await client.InfoAsync(ct), asset, keys.SigningKey, Shared.DefaultData, progress.Report, progress.Say).ContributeAsync(paths, mails, pages, chosen, ct);
            progress.Dispose();
            if (r.GetValue(Shared.Json))
                Shared.PrintJson(new { contribution = done.Contribution, asset = asset.Asset, owner = keys.SigningKey.Address, parts = done.Parts.Count, records = done.Parts.Sum(p => p.Records), ownWords = done.Parts.Sum(p => p.OwnWords), left = done.Left, redacted = done.Redacted, verifiers = done.Verifiers });
            else
                Console.WriteLine($"""
                    contributed {done.Parts.Sum(p => p.Records):N0} records with {done.Parts.Sum(p => p.OwnWords):N0} words of your own to {asset.Symbol}, in {done.Parts.Count} encrypted parts
                    kept at home {done.Left:N0} records; blacked out something in {done.Redacted:N0}
                    contribution {done.Contribution}
                    {done.Verifiers.Count} verifiers check it now; follow it with 'trove contributions --key FILE'
                    """);
            return 0;
        });
        return command;
    }

    public static Command Contributions()
    {
        var (asset, owner, node) = (AssetOption(), OwnerOption(), Shared.Node());
        var key = new Option<FileInfo?>("--key") { Description = "The owner's key file: signs in, and shows parts and reasons of refusals too" };
        var (passphraseFile, passphraseFd) = (Shared.PassphraseFile(), Shared.PassphraseFd());
        var command = new Command("contributions", "Contributions and what became of them.") { asset, owner, key, passphraseFile, passphraseFd, node };
        command.SetAction(async (r, ct) =>
        {
            using var client = Shared.Client(r.GetValue(node));
            var info = await Shared.FindAssetAsync(client, r.GetValue(asset), ct);
            using var keys = r.GetValue(key) is { } file ? Shared.OpenKey(file, r.GetValue(passphraseFile), r.GetValue(passphraseFd)) : null;
            if (keys is not null && ParseOwner(r.GetValue(owner)) is { } other && other != keys.SigningKey.Address)
                throw new CommandException("--owner names another than --key", "give one of them");
            var list = keys is not null ? await client.ContributionsAsync(info.Asset, keys.SigningKey, ct) : await client.ContributionsAsync(info.Asset, ParseOwner(r.GetValue(owner)), ct);
            await client.SignOutAsync(ct);
            if (r.GetValue(Shared.Json))
                Shared.PrintJson(list);
            else if (list.Count == 0)
                Console.WriteLine($"{info.Symbol} has no contributions yet");
            foreach (var c in r.GetValue(Shared.Json) ? [] : list)
                Console.WriteLine($"{c.Contribution}  {c.Owner}\n  {Describe(c)}{(c.Vesting is { } v ? $"\n  {v.InWords()}" : "")}");
            return 0;
        });
        return command;
    }

    public static Command Withdraw()
    {
        var id = new Argument<string>("ID") { Description = "The contribution" };
        var (key, passphraseFile, passphraseFd, direct, node) = (Shared.Key(), Shared.PassphraseFile(), Shared.PassphraseFd(), Shared.Direct(), Shared.Node());
        var command = new Command("withdraw", """
            Takes a contribution back: a tombstone on chain, its ciphertext destroyed. Shares that have vested stay, what is to come is lost. Nothing new is opened from now on.

            With --direct it takes the receipt that 'trove contribute' left on this machine. Every node destroys the ciphertext when it sees the tombstone.
            """) { id, key, passphraseFile, passphraseFd, direct, node };
        command.SetAction(async (r, ct) =>
        {
            if (!Hash32.TryParse(r.GetValue(id), out var contribution))
                throw new CommandException("this is no contribution's id", "list yours with 'trove contributions'");
            using var keys = Shared.OpenKey(r.GetValue(key)!, r.GetValue(passphraseFile), r.GetValue(passphraseFd));
            if (r.GetValue(direct) is { } rpc)
            {
                await WithdrawAsync(rpc, Receipt.Of(contribution), keys.SigningKey, r.GetValue(Shared.Json), ct);
                return 0;
            }
            using var client = Shared.Client(r.GetValue(node));
            var (info, c) = (await client.InfoAsync(ct), await client.ContributionAsync(contribution, keys.SigningKey, ct));
            var asset = await client.AssetAsync(c.Asset, ct);
            var lost = c.Vesting?.Unvested ?? default;
            if (lost.Units > 0)
                Confirm(c.Vesting!, r.GetValue(Shared.Json));
            long deadline = Shared.Deadline();
            var digest = ContractDigests.Withdraw(info.ChainId, asset.Ledger, keys.SigningKey.Address, contribution, (ulong)deadline);
            var mined = await client.WithdrawAsync(contribution, new WithdrawRequest(deadline, Hex.Encode(keys.SigningKey.Sign(digest))), ct);
            var answered = await AnsweredAsync(client, c, ct);
            await client.SignOutAsync(ct);
            if (r.GetValue(Shared.Json))
                Shared.PrintJson(new WithdrawnInfo(mined.Transaction, mined.Block, answered, lost));
            else
                Console.WriteLine($"""
                    withdrawn in block {mined.Block}: its ciphertext is destroyed at this node, and guardians open none of it from now on
                    what that cannot undo:
                      {(answered.Count == 0 ? "no answer was computed with it" : $"{answered.Count} {(answered.Count == 1 ? "answer" : "answers")} that buyers keep: {string.Join(", ", answered)}")}
                      {(lost.Units == 0 ? "what you earned stays yours, and is paid as before" : $"{c.Vesting!.HandedOut + c.Vesting.Ready} shares stay yours, and are paid as before; {lost} lapse, and what they had earned goes to the other owners")}
                      its keyed hashes stay, so that the same texts earn nothing a second time
                      who copied ciphertext before, or checked it, was told to forget it: nobody can prove that they did
                    """);
            return 0;
        });
        return command;
    }

    private static async Task WithdrawAsync(Uri rpc, Receipt receipt, SigningKey key, bool json, CancellationToken ct)
    {
        if (receipt.Owner != key.Address)
            throw new CommandException($"contribution {receipt.Contribution} is {receipt.Owner}'s, and the key is {key.Address}'s", "name the key that contributed it");
        using var client = (DirectClient)Shared.Client(null, rpc, receipt.Asset.ToString(), key);
        var (info, asset) = (await client.InfoAsync(ct), await client.AssetAsync(receipt.Asset, ct));
        long deadline = Shared.Deadline();
        var digest = ContractDigests.Withdraw(info.ChainId, asset.Ledger, key.Address, receipt.Contribution, (ulong)deadline);
        var mined = await client.WithdrawAsync(key.Address, receipt.Salt, new WithdrawRequest(deadline, Hex.Encode(key.Sign(digest))), ct);
        if (json)
            Shared.PrintJson(mined);
        else
            Console.WriteLine($"withdrawn in block {mined.Block}: guardians open none of it from now on, and nodes destroy its ciphertext when they see it");
    }

    // Requests whose settled uses had parts of it in their scope.
    private static async Task<IReadOnlyList<Hash32>> AnsweredAsync(TroveClient client, ContributionInfo c, CancellationToken ct) => c is { Epoch: { } epoch, Parts: { } parts, Reward: { } reward } && reward.Amount.Units > 0
        ? [.. (await client.RequestsAsync(c.Asset, ct)).Where(q => q.Terms.LastEpoch >= epoch && q.Uses.Any(u => u.State == "settled") && parts.Any(q.Terms.Covers)).Select(q => q.Request)]
        : [];

    /// <summary>What became of a withdrawal.</summary>
    /// <param name="Answers">Requests that were answered with it before; their buyers keep the answers.</param>
    /// <param name="Lost">Shares that had not vested.</param>
    private sealed record WithdrawnInfo(Hash32 Transaction, ulong Block, IReadOnlyList<Hash32> Answers, Core.Shares Lost);

    // What is lost is said before it is, on standard error; who sits at a terminal is asked.
    private static void Confirm(VestingState vesting, bool json)
    {
        Console.Error.WriteLine(vesting.InWords());
        if (json || Console.IsInputRedirected)
            return;
        Console.Error.Write("withdraw it all the same? [y/N] ");
        if (Console.ReadLine() is not ("y" or "Y" or "yes"))
            throw new CommandException("nothing was withdrawn", $"wait {vesting.Steps - vesting.Due} more epochs to lose nothing, or answer y");
    }

    /// <summary>One line on what became of a contribution.</summary>
    public static string Describe(ContributionInfo c) => c switch
    {
        { Reward: { } reward } => $"{c.State}: {reward.Amount} shares in epoch {c.Epoch}: {c.Reason}",
        { Refusal: { } refusal } => $"refused ({c.RefusalCode}): {Shared.Safe(refusal)}",
        _ => $"{c.State}: {c.Meaning}",
    };

    public static Option<string?> AssetOption() => new("--asset") { Description = "Asset, by symbol or address; not needed when the node has only one" };

    public static Option<string?> OwnerOption() => new("--owner") { Description = "Only this owner's (address)" };

    public static Address? ParseOwner(string? text) => text is null ? null : Address.TryParse(text, out var value)
        ? value
        : throw new CommandException("--owner takes an address", "give 0x and 40 hex digits");

    /// <summary>Kinds of the vocabulary by name.</summary>
    public static IReadOnlySet<RecordKind> ReadKinds(IEnumerable<string> names) => names.SelectMany(n => n.Split(',')).Select(n =>
        RecordKinds.TryParse(n, out var kind) ? kind : throw new CommandException($"'{Shared.Safe(n)}' is no kind of record", $"there are {string.Join(", ", Enum.GetValues<RecordKind>().Select(k => k.Name()))}")).ToHashSet();
}
