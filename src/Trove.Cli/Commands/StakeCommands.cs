using System.CommandLine;
using Trove.Chain;
using Trove.Cli.Direct;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Protocol;

namespace Trove.Cli.Commands;

/// <summary>What verifiers and runners have at stake.</summary>
internal static class StakeCommands
{
    public static Command Stake()
    {
        var command = new Command("stake", "What verifiers and runners have at stake, and lose when they are shown to have lied.");
        foreach (var one in new[] { Show(), Deposit(), Leave(), Withdraw(), Slashings(), Report() })
            command.Subcommands.Add(one);
        return command;
    }

    private static Command Show()
    {
        var (asset, account, key, passphraseFile, passphraseFd, direct, node) = (ContributeCommands.AssetOption(), AccountOption(), OptionalKey(), Shared.PassphraseFile(), Shared.PassphraseFd(), Shared.Direct(), Shared.Node());
        var command = new Command("show", "What an operator has at stake, and what it needs.") { asset, account, key, passphraseFile, passphraseFd, direct, node };
        command.SetAction(async (r, ct) =>
        {
            using var keys = OpenKey(r.GetValue(key), r.GetValue(passphraseFile), r.GetValue(passphraseFd));
            using var client = Shared.Client(r.GetValue(node), r.GetValue(direct), r.GetValue(asset), keys?.SigningKey);
            var who = Account(r.GetValue(account), keys);
            var info = await Shared.FindAssetAsync(client, r.GetValue(asset), ct);
            Print(r.GetValue(Shared.Json), info, await client.StakeAsync(info.Asset, who, ct));
            return 0;
        });
        return command;
    }

    private static Command Deposit()
    {
        var (amount, asset, key, passphraseFile, passphraseFd, direct, node) = (AmountArgument(), ContributeCommands.AssetOption(), Shared.Key(), Shared.PassphraseFile(), Shared.PassphraseFd(), Shared.Direct(), Shared.Node());
        var test = new Option<bool>("--test-dollars") { Description = "Take the money from an embedded chain's operator first" };
        var command = new Command("deposit", "Puts money at stake, by signature (EIP-3009). It comes back 90 days after you leave with it.") { amount, asset, key, passphraseFile, passphraseFd, test, direct, node };
        command.SetAction(async (r, ct) =>
        {
            var money = Amount(r.GetValue(amount)!);
            using var keys = Shared.OpenKey(r.GetValue(key)!, r.GetValue(passphraseFile), r.GetValue(passphraseFd));
            using var client = Shared.Client(r.GetValue(node), r.GetValue(direct), r.GetValue(asset), keys.SigningKey);
            var (info, found) = (await client.InfoAsync(ct), await Shared.FindAssetAsync(client, r.GetValue(asset), ct));
            if (r.GetValue(test))
                await MoneyCommands.TakeTestDollarsAsync(client, info, keys.SigningKey, money, ct);
            Print(r.GetValue(Shared.Json), found, await DepositAsync(client, info, found, keys.SigningKey, money, ct));
            return 0;
        });
        return command;
    }

    private static Command Leave()
    {
        var (amount, asset, key, passphraseFile, passphraseFd, direct, node) = (AmountArgument(), ContributeCommands.AssetOption(), Shared.Key(), Shared.PassphraseFile(), Shared.PassphraseFd(), Shared.Direct(), Shared.Node());
        var command = new Command("leave", "Takes stake out, by signature. It counts no more at once, and can be withdrawn 90 days later; the time begins anew for all that is leaving.") { amount, asset, key, passphraseFile, passphraseFd, direct, node };
        command.SetAction(async (r, ct) =>
        {
            var money = Amount(r.GetValue(amount)!);
            using var keys = Shared.OpenKey(r.GetValue(key)!, r.GetValue(passphraseFile), r.GetValue(passphraseFd));
            using var client = Shared.Client(r.GetValue(node), r.GetValue(direct), r.GetValue(asset), keys.SigningKey);
            var (info, found) = (await client.InfoAsync(ct), await Shared.FindAssetAsync(client, r.GetValue(asset), ct));
            Print(r.GetValue(Shared.Json), found, await LeaveAsync(client, info, found, keys.SigningKey, money, ct));
            return 0;
        });
        return command;
    }

    private static Command Withdraw()
    {
        var (asset, account, key, passphraseFile, passphraseFd, direct, node) = (ContributeCommands.AssetOption(), AccountOption(), OptionalKey(), Shared.PassphraseFile(), Shared.PassphraseFd(), Shared.Direct(), Shared.Node());
        var command = new Command("withdraw", "Pays an operator what has left. Anybody can ask for it; the operator is paid.") { asset, account, key, passphraseFile, passphraseFd, direct, node };
        command.SetAction(async (r, ct) =>
        {
            using var keys = OpenKey(r.GetValue(key), r.GetValue(passphraseFile), r.GetValue(passphraseFd));
            using var client = Shared.Client(r.GetValue(node), r.GetValue(direct), r.GetValue(asset), keys?.SigningKey);
            var who = Account(r.GetValue(account), keys);
            var info = await Shared.FindAssetAsync(client, r.GetValue(asset), ct);
            if ((await client.StakeAsync(info.Asset, who, ct)).Leaving.Units == 0)
                throw new CommandException($"nothing of {who}'s stake is leaving", "take stake out with 'trove stake leave AMOUNT'; 90 days later it can be withdrawn");
            Print(r.GetValue(Shared.Json), info, await client.WithdrawStakeAsync(info.Asset, who, ct));
            return 0;
        });
        return command;
    }

    private static Command Slashings()
    {
        var (asset, key, passphraseFile, passphraseFd, direct, node) = (ContributeCommands.AssetOption(), Shared.Payer(), Shared.PassphraseFile(), Shared.PassphraseFd(), Shared.Direct(), Shared.Node());
        var pay = new Option<ulong?>("--pay") { Description = "Has this one paid out, by its number, once the owners can give it back no more" };
        var command = new Command("slashings", "Stake that was taken away, and until when the owners can give it back.") { asset, pay, direct, key, passphraseFile, passphraseFd, node };
        command.SetAction(async (r, ct) =>
        {
            using var keys = OpenKey(r.GetValue(key), r.GetValue(passphraseFile), r.GetValue(passphraseFd));
            using var client = Shared.Client(r.GetValue(node), r.GetValue(direct), r.GetValue(asset), keys?.SigningKey);
            var info = await Shared.FindAssetAsync(client, r.GetValue(asset), ct);
            var all = r.GetValue(pay) is { } number ? [await client.PaySlashingAsync(info.Asset, number, ct)] : await client.SlashingsAsync(info.Asset, ct);
            if (r.GetValue(Shared.Json))
                Shared.PrintJson(all);
            else if (all.Count == 0)
                Console.WriteLine($"nobody has lost stake in {Shared.Safe(info.Symbol)}");
            else
                all.ForEach(Print);
            return 0;
        });
        return command;
    }

    private static Command Report()
    {
        var files = new Argument<FileInfo[]>("FILE") { Description = "Signed statements: what a node left in its folder 'contradictions', or what anybody keeps", Arity = ArgumentArity.OneOrMore };
        var (asset, key, passphraseFile, passphraseFd, direct) = (ContributeCommands.AssetOption(), Shared.Key(), Shared.PassphraseFile(), Shared.PassphraseFd(), Shared.Direct());
        direct.Required = true;
        var command = new Command("report", """
            Shows the chain that a verifier signed two roots of one epoch or two facts of one contribution, or a runner two results of one use: it loses all its stake. A verifier whose facts as many others as must agree found otherwise loses a tenth, and so does a guardian that signed two heads of its log for one number of entries. A tenth of what is lost is yours. What the chain has already is found there: one statement that contradicts it is enough. It goes straight to the chain, so that nobody else is rewarded for it.

            Example: trove stake report 0x…-root-1.json --asset 0x… --direct https://… --key me.key --passphrase-file pass.txt
            """) { files, asset, key, passphraseFile, passphraseFd, direct };
        command.SetAction(async (r, ct) =>
        {
            var statements = r.GetValue(files)!.Select(Contradictions.Open).ToList();
            using var keys = Shared.OpenKey(r.GetValue(key)!, r.GetValue(passphraseFile), r.GetValue(passphraseFd));
            using var client = (DirectClient)Shared.Client(null, r.GetValue(direct), r.GetValue(asset) ?? statements[0].Asset.ToString(), keys.SigningKey);
            var info = await Shared.FindAssetAsync(client, r.GetValue(asset) ?? statements[0].Asset.ToString(), ct);
            var (who, show) = await Contradictions.FindAsync(client, info, statements, ct);
            int before = (await client.SlashingsAsync(info.Asset, ct)).Count;
            await client.ShowAsync(show, ct);
            var taken = (await client.SlashingsAsync(info.Asset, ct)).Skip(before).Where(s => s.Account == who).ToList();
            if (r.GetValue(Shared.Json))
                Shared.PrintJson(taken);
            else
            {
                Console.WriteLine($"{who} has lost ${new Money(taken.Aggregate(UInt128.Zero, (sum, s) => sum + s.Amount.Units))} of its stake");
                taken.ForEach(Print);
            }
            return 0;
        });
        return command;
    }

    /// <summary>Puts money of the key's account at stake.</summary>
    public static Task<StakeInfo> DepositAsync(IAssetClient client, NodeInfo info, AssetInfo asset, SigningKey key, Money amount, CancellationToken ct)
    {
        var (nonce, deadline) = (Shared.Nonce(), Shared.Deadline());
        var digest = ContractDigests.ReceiveWithAuthorization(info.PaymentTokenDomain, key.Address, asset.Stakes, amount.Units, (ulong)deadline, nonce);
        return client.DepositAsync(asset.Asset, new DepositRequest(key.Address, amount, deadline, nonce, Hex.Encode(key.Sign(digest))), ct);
    }

    /// <summary>Takes stake of the key's account out.</summary>
    public static Task<StakeInfo> LeaveAsync(IAssetClient client, NodeInfo info, AssetInfo asset, SigningKey key, Money amount, CancellationToken ct)
    {
        long deadline = Shared.Deadline();
        var digest = ContractDigests.Unstake(info.ChainId, asset.Stakes, key.Address, amount.Units, (ulong)deadline);
        return client.UnstakeAsync(asset.Asset, key.Address, new UnstakeRequest(amount, deadline, Hex.Encode(key.Sign(digest))), ct);
    }

    private static void Print(bool json, AssetInfo asset, StakeInfo s)
    {
        if (json)
        {
            Shared.PrintJson(s);
            return;
        }
        Console.WriteLine($"""
            {s.Account} in {Shared.Safe(asset.Symbol)}
              active   ${s.Active}{(s.AtRisk.Units > 0 ? $", of which uses hang on ${s.AtRisk}" : "")}
              leaving  ${s.Leaving}{(s.LeavesAt is { } at ? $", to be withdrawn from {VoteCommands.Time(at)} on" : "")}
              needed   ${s.NeededAsRunner} to compute one more use, ${s.NeededAsVerifier} to sign roots
            """);
    }

    private static void Print(SlashingInfo s) => Console.WriteLine(s.FinalAt is { } at
        ? $"{s.Number}  ${s.Amount} of {s.Account} to {s.To}: {(s.State == "payable" ? $"can be paid with 'trove stake slashings --pay {s.Number}'" : $"the owners can give it back until {VoteCommands.Time(at)}")}"
        : $"{s.Number}  is paid, or given back");

    private static Money Amount(string text) => Money.TryParse(text, out var money) && money.Units > 0 ? money
        : throw new CommandException("this is no amount", "write dollars with at most six decimals, such as 250 or 12.50");

    private static KeyFile? OpenKey(FileInfo? key, string? passphraseFile, int? passphraseFd) => key is null ? null : Shared.OpenKey(key, passphraseFile, passphraseFd);

    private static Address Account(string? account, KeyFile? keys) => account is not null ? VoteCommands.ParseAddress(account)
        : keys?.SigningKey.Address ?? throw new CommandException("whose stake?", "give --account ADDRESS or --key FILE");

    private static Argument<string> AmountArgument() => new("AMOUNT") { Description = "Dollars, such as 250" };

    private static Option<string?> AccountOption() => new("--account") { Description = "The operator, by address" };

    private static Option<FileInfo?> OptionalKey() => new("--key") { Description = "Key file of the operator, instead of --account" };
}
