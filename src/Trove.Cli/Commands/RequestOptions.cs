using System.CommandLine;
using Trove.Core;
using Trove.Core.Queries;
using Trove.Exports;
using Trove.Node.Protocol;

namespace Trove.Cli.Commands;

/// <summary>What every request has: a scope, a price and a buyer.</summary>
internal sealed class RequestOptions(string often)
{
    private readonly Option<string[]> _kinds = new("--kind") { Description = "Kind of records in scope, repeatable; comment by default" };
    private readonly Option<int> _from = new("--from") { Description = "First year in scope; 0 has records without a time" };
    private readonly Option<int> _to = new("--to") { Description = "Last year in scope", DefaultValueFactory = _ => 9999 };
    private readonly Option<string?> _price = new("--price") { Description = "Dollars for each use; the asset's least price by default" };
    private readonly Option<uint> _uses = new("--uses") { Description = often, DefaultValueFactory = _ => 1 };
    private readonly Option<decimal> _epsilon = new("--epsilon") { Description = "Privacy that each use of a query costs the members, of the asset's budget: less of it is more noise", DefaultValueFactory = _ => 1 };
    private readonly Option<string> _expires = new("--expires") { Description = "Time until the money comes back if nothing came of it: 30s, 90m, 12h or 3d", DefaultValueFactory = _ => "30d" };

    public Option<bool> TestDollars { get; } = new("--test-dollars") { Description = "Take the money from an embedded chain's operator first" };

    public Option<FileInfo?> Key { get; } = new("--key") { Description = "The buyer's key file" };

    public Option<string?> Asset { get; } = ContributeCommands.AssetOption();

    public Option<string?> PassphraseFile { get; } = Shared.PassphraseFile();

    public Option<int?> PassphraseFd { get; } = Shared.PassphraseFd();

    public Option<Uri?> Direct { get; } = Shared.Direct();

    public Option<string?> Node { get; } = Shared.Node();

    public void AddTo(Command command, bool query)
    {
        if (query)
            command.Options.Add(_epsilon);
        foreach (Option option in (Option[])[_kinds, _from, _to, _price, _uses, _expires, TestDollars, Asset, Key, PassphraseFile, PassphraseFd, Direct, Node])
            command.Options.Add(option);
    }

    /// <summary>Seconds until the money comes back.</summary>
    public uint ReadLife(ParseResult r) => GovernanceOptions.TryParseTime(r.GetValue(_expires)!, out uint life) ? life
        : throw new CommandException($"--expires takes a time, not '{Shared.Safe(r.GetValue(_expires)!)}'", "write 30s, 90m, 12h or 3d");

    /// <summary>Privacy that a use costs, in millionths.</summary>
    public ulong ReadEpsilon(ParseResult r) => r.GetValue(_epsilon) is var epsilon and > 0 and <= 1_000_000 && decimal.IsInteger(epsilon * 1_000_000) ? (ulong)(epsilon * 1_000_000)
        : throw new CommandException("--epsilon is a number from 0.000001 to 1000000 with at most six decimals", "1 is much privacy for a use, 0.1 very much");

    /// <summary>What is asked of an asset.</summary>
    public RequestPlan Read(ParseResult r, Query? query, AssetInfo asset)
    {
        var least = query is null ? asset.Policy?.CopyPrice : asset.Policy?.QueryPrice;
        var offered = r.GetValue(_price) is not { } text ? least ?? new Money(1)
            : Money.TryParse(text, out var money) ? money : throw new CommandException($"'{Shared.Safe(text)}' is no amount", "write dollars such as 25 or 12.50");
        var chosen = r.GetValue(_kinds) is { Length: > 0 } named ? [.. ContributeCommands.ReadKinds(named.SelectMany(k => k.Split(',')))] : (RecordKind[])[RecordKind.Comment];
        return new RequestPlan(query, [.. chosen.Select(RecordKinds.Name).Order(StringComparer.Ordinal)], r.GetValue(_from), r.GetValue(_to), offered, r.GetValue(_uses), ReadLife(r), query is null ? 0 : ReadEpsilon(r));
    }
}
