using System.CommandLine;
using System.Globalization;
using Trove.Chain;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Protocol;

namespace Trove.Cli.Commands;

/// <summary>Shares and money.</summary>
internal static class MoneyCommands
{
    public static Command Balance()
    {
        var (asset, owner, key, passphraseFile, passphraseFd, direct, node) = (ContributeCommands.AssetOption(), ContributeCommands.OwnerOption(), OptionalKey(), Shared.PassphraseFile(), Shared.PassphraseFd(), Shared.Direct(), Shared.Node());
        var command = new Command("balance", "What an owner has of an asset. With --direct shares that are still with the ledger are missing.") { asset, owner, key, passphraseFile, passphraseFd, direct, node };
        command.SetAction(async (r, ct) =>
        {
            using var client = Shared.Client(r.GetValue(node), r.GetValue(direct), r.GetValue(asset), null);
            var info = await Shared.FindAssetAsync(client, r.GetValue(asset), ct);
            var balance = await client.BalanceAsync(info.Asset, Owner(r.GetValue(owner), r.GetValue(key), r.GetValue(passphraseFile), r.GetValue(passphraseFd)), ct);
            if (r.GetValue(Shared.Json))
                Shared.PrintJson(balance);
            else
                Print(info, balance);
            return 0;
        });
        return command;
    }

    public static Command Claim()
    {
        var (asset, key, passphraseFile, passphraseFd, direct, node) = (ContributeCommands.AssetOption(), Shared.Key(), Shared.PassphraseFile(), Shared.PassphraseFd(), Shared.Direct(), Shared.Node());
        var command = new Command("claim", """
            Has everything paid out: shares that have vested, then dividends. The node pays the gas.

            With --direct your account does. Who earned which shares is not on chain: --direct alone claims dividends, and with --node any node's list is held against the chain and claimed from.
            """) { asset, key, passphraseFile, passphraseFd, direct, node };
        command.SetAction(async (r, ct) =>
        {
            using var keys = Shared.OpenKey(r.GetValue(key)!, r.GetValue(passphraseFile), r.GetValue(passphraseFd));
            using var client = Shared.Client(r.GetValue(node), r.GetValue(direct), r.GetValue(asset), keys.SigningKey);
            var info = await Shared.FindAssetAsync(client, r.GetValue(asset), ct);
            var balance = await ClaimAsync(client, await client.InfoAsync(ct), info, keys.SigningKey, ct);
            if (r.GetValue(Shared.Json))
                Shared.PrintJson(balance);
            else
                Print(info, balance);
            return 0;
        });
        return command;
    }

    public static Command Pay()
    {
        var amount = new Argument<string>("AMOUNT") { Description = "Dollars, such as 12.50" };
        var to = new Option<string?>("--to") { Description = "Asset, by symbol or address" };
        var (key, passphraseFile, passphraseFd, direct, node) = (Shared.Key(), Shared.PassphraseFile(), Shared.PassphraseFd(), Shared.Direct(), Shared.Node());
        var test = new Option<bool>("--test-dollars") { Description = "Take the money from an embedded chain's operator first" };
        var command = new Command("pay", "Pays a dividend to all shares of an asset, by signature (EIP-3009).") { amount, to, key, passphraseFile, passphraseFd, test, direct, node };
        command.SetAction(async (r, ct) =>
        {
            if (!Money.TryParse(r.GetValue(amount)!, out var money) || money.Units == 0)
                throw new CommandException("this is no amount", "write dollars with at most six decimals, such as 12.50");
            using var keys = Shared.OpenKey(r.GetValue(key)!, r.GetValue(passphraseFile), r.GetValue(passphraseFd));
            using var client = Shared.Client(r.GetValue(node), r.GetValue(direct), r.GetValue(to), keys.SigningKey);
            var info = await client.InfoAsync(ct);
            var asset = await Shared.FindAssetAsync(client, r.GetValue(to), ct);
            if (r.GetValue(test))
                await TakeTestDollarsAsync(client, info, keys.SigningKey, money, ct);
            var mined = await PayAsync(client, info, asset, keys.SigningKey, money, ct);
            if (r.GetValue(Shared.Json))
                Shared.PrintJson(mined);
            else
                Console.WriteLine($"paid ${money} to the {asset.Supply} shares of {asset.Symbol} in block {mined.Block}");
            return 0;
        });
        return command;
    }

    public static Command Explain()
    {
        var payout = new Argument<string?>("WHAT") { Description = "A payout such as 21-3, or a contribution's id; without it all of the asset's money", Arity = ArgumentArity.ZeroOrOne };
        var (asset, owner, node) = (ContributeCommands.AssetOption(), ContributeCommands.OwnerOption(), Shared.Node());
        var command = new Command("explain", "Who got what and why, down to contributions, words and evidence.") { payout, asset, owner, node };
        command.SetAction(async (r, ct) =>
        {
            using var client = Shared.Client(r.GetValue(node));
            bool json = r.GetValue(Shared.Json);
            if (Hash32.TryParse(r.GetValue(payout) ?? "", out var contribution))
            {
                var found = await client.ContributionAsync(contribution, ct);
                if (json)
                    Shared.PrintJson(found);
                else
                    PrintReward(found);
                return 0;
            }
            var info = await Shared.FindAssetAsync(client, r.GetValue(asset), ct);
            if (r.GetValue(payout) is { } id || ContributeCommands.ParseOwner(r.GetValue(owner)) is { })
            {
                var found = r.GetValue(payout) is { } name
                    ? await client.PayoutAsync(info.Asset, name, ct)
                    : await client.PendingAsync(info.Asset, ContributeCommands.ParseOwner(r.GetValue(owner))!.Value, ct);
                if (json)
                    Shared.PrintJson(found);
                else
                    PrintPayout(info, found);
                return 0;
            }
            var money = await client.MoneyAsync(info.Asset, ct);
            if (json)
                Shared.PrintJson(money);
            else
                PrintMoney(info, money);
            return AddsUp(money) ? 0 : 1;
        });
        return command;
    }

    /// <summary>Does received equal paid, claimable, waiting and dust, with dust below a unit an owner and one?</summary>
    public static bool AddsUp(MoneyInfo m) =>
        m.Paid + m.Claimable + m.Waiting + m.Dust == m.Received && m.Dust.Units <= (UInt128)m.Owners.Count + 1
        && m.Payouts.Aggregate(default(Money), (s, p) => s + p.Amount) == m.Paid;

    /// <summary>Claims for the key's owner.</summary>
    public static Task<BalanceInfo> ClaimAsync(IAssetClient client, NodeInfo info, AssetInfo asset, SigningKey key, CancellationToken ct)
    {
        var (nonce, deadline) = (Shared.Nonce(), Shared.Deadline());
        var digest = Messages.Claim(Messages.Domain(info.ChainId, asset.Ledger), asset.Asset, key.Address, nonce, deadline);
        return client.ClaimAsync(asset.Asset, new ClaimRequest(key.Address, nonce, deadline, Hex.Encode(key.Sign(digest))), ct);
    }

    /// <summary>Pays a dividend from the key's account.</summary>
    public static Task<TransactionInfo> PayAsync(IAssetClient client, NodeInfo info, AssetInfo asset, SigningKey key, Money amount, CancellationToken ct)
    {
        var (nonce, deadline) = (Shared.Nonce(), Shared.Deadline());
        var digest = ContractDigests.ReceiveWithAuthorization(info.PaymentTokenDomain, key.Address, asset.Asset, amount.Units, (ulong)deadline, nonce);
        return client.PayAsync(asset.Asset, new DividendRequest(key.Address, amount, deadline, nonce, Hex.Encode(key.Sign(digest))), ct);
    }

    /// <summary>Takes test dollars into the key's account.</summary>
    public static Task<TransactionInfo> TakeTestDollarsAsync(IAssetClient client, NodeInfo info, SigningKey key, Money amount, CancellationToken ct)
    {
        if (client is not TroveClient node)
            throw new CommandException("test dollars come from an embedded chain's operator, by its node", "take them without --direct first: 'trove pay' and 'trove stake deposit' have --test-dollars too");
        var (nonce, deadline) = (Shared.Nonce(), Shared.Deadline());
        var digest = Messages.TestDollars(Messages.Domain(info.ChainId, info.Factory), key.Address, amount, nonce, deadline);
        return node.FaucetAsync(new FaucetRequest(key.Address, amount, nonce, deadline, Hex.Encode(key.Sign(digest))), ct);
    }

    /// <summary>Prints where one payment comes from.</summary>
    public static void PrintPayout(AssetInfo asset, PayoutInfo payout)
    {
        Console.WriteLine($"{(payout.Id.Length > 0 ? $"payout {payout.Id}: ${payout.Amount} paid" : $"${payout.Amount} can be claimed")} to {payout.Owner}");
        foreach (var line in payout.Lines)
        {
            var d = line.Distribution;
            Console.WriteLine($"  ${line.Amount} of the ${d.Amount} {(d.Lapsed is { } lapsed ? $"that {lapsed} shares left to all others when they lapsed" : $"that {From(d.From)} paid")} on {Date(d.At)}: {line.Held} of {d.Supply} shares ({Percent(line.Held, d.Supply)})");
            PrintSource(payout.Uses.FirstOrDefault(u => u.Distribution == d.Id), "    ");
            foreach (var (lot, amount) in line.Lots)
                Console.WriteLine(lot.Contribution is { } id
                    ? $"    ${amount} for {lot.Amount} shares earned in epoch {lot.Epoch} with contribution {Short(id)}"
                    : $"    ${amount} for {lot.Amount} shares bought or received");
        }
        foreach (var c in payout.Contributions)
            PrintReward(c);
        if (payout.Lines.Count == 0)
            Console.WriteLine($"  nothing of {asset.Symbol}'s dividends is open for this owner");
    }

    private static void PrintSource(SourceInfo? source, string indent)
    {
        if (source is not null)
            Console.WriteLine($"{indent}the price of use {source.Use} of request {Short(source.Request)} by {source.Buyer}: {Shared.Safe(source.Query)}\n"
                + $"{indent}computed by runner {source.Runner} from inputs {Short(source.InputsHash)}, result {Short(source.ResultHash)}");
    }

    /// <summary>Prints why a contribution earned what it earned.</summary>
    public static void PrintReward(ContributionInfo c)
    {
        Console.WriteLine($"  contribution {c.Contribution}");
        if (c.Reward is { } reward)
            foreach (var step in reward.Steps())
                Console.WriteLine($"    {step}");
        foreach (var step in c.Vesting?.Explain() ?? [])
            Console.WriteLine($"    {step}");
        Console.WriteLine($"    {ContributeCommands.Describe(c)}");
        foreach (var check in c.Evidence ?? [])
            Console.WriteLine($"    evidence {check.Name}: {check.Outcome.ToString().ToLowerInvariant()}, {Shared.Safe(check.Detail)}");
        foreach (var a in c.Attestations)
            Console.WriteLine($"    {(a.Facts is null ? "refused" : "attested")} by verifier {a.Verifier}");
    }

    /// <summary>Prints all money of an asset.</summary>
    public static void PrintMoney(AssetInfo asset, MoneyInfo money)
    {
        Console.WriteLine($"{asset.Symbol}: {money.Supply} shares{(asset.OperatorTrusted ? ", on an embedded chain: operator-trusted" : "")}");
        foreach (var d in money.Distributions)
        {
            Console.WriteLine($"  received ${d.Amount,-14} from {From(d.From)} on {Date(d.At)}");
            PrintSource(money.Uses.FirstOrDefault(u => u.Distribution == d.Id), "           ");
        }
        foreach (var d in money.Lapses)
            Console.WriteLine($"  lapsed   ${d.Amount,-14} of {d.Lapsed} shares went to all others on {Date(d.At)}");
        foreach (var p in money.Payouts)
            Console.WriteLine($"  paid     ${p.Amount,-14} to   {p.Owner}  payout {p.Id}");
        foreach (var o in money.Owners)
            Console.WriteLine($"  {o.Owner}: {o.Shares} shares ({Percent(o.Shares, money.Supply)}){(o.Unvested.Units > 0 ? $" and {o.Unvested} to come" : "")}, ${o.Paid} paid, ${o.Claimable} claimable");
        Console.WriteLine($"  received ${money.Received} = paid ${money.Paid} + claimable ${money.Claimable}{(money.Waiting.Units > 0 ? $" + waiting ${money.Waiting} on shares to come" : "")} + dust ${money.Dust}: {(AddsUp(money) ? "it adds up" : "IT DOES NOT ADD UP")}");
    }

    private static void Print(AssetInfo asset, BalanceInfo b) => Console.WriteLine($"""
        {b.Owner} of {asset.Symbol}{(asset.OperatorTrusted ? " (operator-trusted)" : "")}
          shares     {b.Shares}{(b.Unclaimed.Units > 0 ? $" ({b.Unclaimed} of them vested and ready: 'trove claim' hands them out)" : "")}{ToCome(b)}
          claimable  ${b.Claimable}
          paid       ${b.Paid}
        """);

    // Lines of their own, where there is anything to come or lost.
    private static string ToCome(BalanceInfo b) =>
        (b.Unvested.Units > 0 ? $"\n  to come    {b.Unvested} over {b.UnvestedEpochs} more {(b.UnvestedEpochs == 1 ? "epoch" : "epochs")}, with the ${b.UnvestedMoney} they have earned; what you withdraw before is lost" : "")
        + (b.Lost.Units > 0 ? $"\n  lost       {b.Lost} with what was withdrawn" : "");

    public static Option<FileInfo?> OptionalKey() => new("--key") { Description = "Key file of the owner, instead of --owner" };

    public static Address Owner(string? owner, FileInfo? key, string? passphraseFile, int? passphraseFd)
    {
        if (ContributeCommands.ParseOwner(owner) is { } address)
            return address;
        using var keys = Shared.OpenKey(key ?? throw new CommandException("whose balance?", "give --owner ADDRESS or --key FILE"), passphraseFile, passphraseFd);
        return keys.SigningKey.Address;
    }

    private static string Percent(Shares part, Shares whole) =>
        whole.Units == 0 ? "0 %" : $"{(double)((System.Numerics.BigInteger)part.Units * 1_000_000 / (System.Numerics.BigInteger)whole.Units) / 10_000:0.##} %";

    private static string Short(Hash32 id) => id.ToString()[..12] + "…";

    private static string From(Address? payer) => payer is { IsZero: false } known ? known.ToString() : "somebody who sent it plainly";

    private static string Date(long time) => DateTimeOffset.FromUnixTimeMilliseconds(time).ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture);
}
