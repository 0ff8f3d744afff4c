using System.CommandLine;
using System.Globalization;
using Trove.Node.Protocol;

namespace Trove.Cli.Commands;

/// <summary>How a new asset decides, as options of 'asset create'.</summary>
internal sealed class GovernanceOptions
{
    private readonly Option<string> _delay = Time("--voting-delay", "Time from a proposal to its vote", GovernanceInfo.Default.VotingDelay);
    private readonly Option<string> _period = Time("--voting-period", "How long a vote is open", GovernanceInfo.Default.VotingPeriod);
    private readonly Option<string> _timelock = Time("--timelock", "Time from a vote to its effect", GovernanceInfo.Default.TimelockDelay);
    private readonly Option<string> _age = Time("--minimum-age", "Time before the first proposal", GovernanceInfo.Default.MinimumAge);
    private readonly Option<string> _use = Time("--use-time", "Time a runner has for a use", GovernanceInfo.Default.UseTime);
    private readonly Option<ushort> _quorum = new("--quorum") { Description = "Percent of all shares that must vote", DefaultValueFactory = _ => GovernanceInfo.Default.QuorumPercent };
    private readonly Option<string> _floor = new("--quorum-floor") { Description = "Shares that must vote at least", DefaultValueFactory = _ => "1" };
    private readonly Option<string> _threshold = new("--proposal-threshold") { Description = "Shares it takes to propose anything but a buyer's request", DefaultValueFactory = _ => "1" };
    private readonly Option<uint> _owners = new("--minimum-owners") { Description = "Owners before the first proposal", DefaultValueFactory = _ => GovernanceInfo.Default.MinimumOwners };
    private readonly Option<uint> _group = new("--group-size") { Description = "Members that every number of a result must be made of", DefaultValueFactory = _ => GovernanceInfo.Default.MinimumGroupSize };
    private readonly Option<uint> _snapshot = new("--snapshot-size") { Description = "New contributions before the data can be looked at anew", DefaultValueFactory = _ => GovernanceInfo.Default.MinimumSnapshotLeaves };

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_delay, _period, _timelock, _age, _use, _quorum, _floor, _threshold, _owners, _group, _snapshot])
            command.Options.Add(option);
    }

    public GovernanceInfo Read(ParseResult r)
    {
        uint period = Seconds(r, _period);
        return new GovernanceInfo(Seconds(r, _delay), period, Math.Min(GovernanceInfo.Default.VoteExtension, period), Seconds(r, _timelock), r.GetValue(_quorum), Shares(r, _floor),
            r.GetValue(_owners), Seconds(r, _age), Shares(r, _threshold), Seconds(r, _use), r.GetValue(_group), r.GetValue(_snapshot));
    }

    /// <summary>Reads a time such as 30s, 90m, 12h or 3d.</summary>
    public static bool TryParseTime(string text, out uint seconds)
    {
        uint unit = text.Length < 2 ? 0u : text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86400, _ => 0 };
        bool ok = unit != 0 & uint.TryParse(text.AsSpan(0, Math.Max(0, text.Length - 1)), NumberStyles.None, CultureInfo.InvariantCulture, out uint number) && number <= 365 * 86400 / Math.Max(unit, 1);
        seconds = ok ? number * unit : 0;
        return ok;
    }

    private static uint Seconds(ParseResult r, Option<string> option) => TryParseTime(r.GetValue(option)!, out uint seconds)
        ? seconds
        : throw new CommandException($"{option.Name} takes a time, not '{Shared.Safe(r.GetValue(option)!)}'", "write 30s, 90m, 12h or 3d; at most a year");

    private static Core.Shares Shares(ParseResult r, Option<string> option) => Core.Shares.TryParse(r.GetValue(option)!, out var value)
        ? value
        : throw new CommandException($"{option.Name} takes a number of shares, not '{Shared.Safe(r.GetValue(option)!)}'", "write a decimal number such as 0.5");

    private static Option<string> Time(string name, string description, uint seconds) => new(name)
    {
        Description = $"{description}: 30s, 90m, 12h or 3d",
        DefaultValueFactory = _ => seconds % 86400 == 0 ? $"{seconds / 86400}d" : $"{seconds / 3600}h",
    };
}
