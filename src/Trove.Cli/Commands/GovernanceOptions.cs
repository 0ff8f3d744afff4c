using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Trove.Node.Protocol;

namespace Trove.Cli.Commands;

/// <summary>How a new asset decides, as options of 'asset create'.</summary>
internal sealed class GovernanceOptions
{
    private readonly Option<FileInfo?> _rules = RulesFile("What it takes to decide a query, a copy and a change of the constitution");
    private readonly Option<string?> _period = new("--voting-period") { Description = "How long votes of every class are open, in place of what the rules say: 30s, 90m, 12h or 3d" };
    private readonly Option<string?> _timelock = new("--timelock") { Description = "Time from a vote of any class to its effect, in place of what the rules say: 30s, 90m, 12h or 3d" };
    private readonly Option<string> _age = Time("--minimum-age", "Time before the first proposal", GovernanceInfo.Default.MinimumAge);
    private readonly Option<FileInfo?> _charter = CharterFile("What is laid down about uses and their money");
    private readonly Option<string?> _use = new("--use-time") { Description = "Time a runner has for a use, in place of what the charter says: 30s, 90m, 12h or 3d" };
    private readonly Option<uint> _owners = new("--minimum-owners") { Description = "Owners before the first proposal", DefaultValueFactory = _ => GovernanceInfo.Default.MinimumOwners };
    private readonly Option<uint?> _group = new("--group-size") { Description = "Members that every number of a result must be made of, in place of what the charter says" };
    private readonly Option<uint?> _snapshot = new("--snapshot-size") { Description = "New contributions before the data can be looked at anew, in place of what the charter says" };

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_rules, _period, _timelock, _age, _owners, _charter, _use, _group, _snapshot])
            command.Options.Add(option);
    }

    public GovernanceInfo Read(ParseResult r)
    {
        var rules = r.GetValue(_rules) is { } file ? ReadRules(file) : GovernanceInfo.Default.Rules;
        if (r.GetValue(_period) is { } period)
            rules = rules.Each(c => c with { VotingPeriod = Seconds(_period.Name, period) });
        if (r.GetValue(_timelock) is { } timelock)
            rules = rules.Each(c => c with { TimelockDelay = Seconds(_timelock.Name, timelock) });
        return new GovernanceInfo(Math.Min(GovernanceInfo.Default.VoteExtension, rules.Query.VotingPeriod), r.GetValue(_owners), Seconds(_age.Name, r.GetValue(_age)!), rules);
    }

    public CharterInfo ReadCharter(ParseResult r)
    {
        var charter = r.GetValue(_charter) is { } file ? ReadCharter(file) : CharterInfo.Default;
        charter = charter with
        {
            UseTime = r.GetValue(_use) is { } use ? Seconds(_use.Name, use) : charter.UseTime,
            MinimumGroupSize = r.GetValue(_group) ?? charter.MinimumGroupSize, MinimumSnapshotLeaves = r.GetValue(_snapshot) ?? charter.MinimumSnapshotLeaves,
        };
        return charter.Problem() is { } problem ? throw new CommandException($"this charter would be refused: {problem}", "see specs/grants.md, Charter") : charter;
    }

    /// <summary>A file of rules, as JSON.</summary>
    public static Option<FileInfo?> RulesFile(string what) => new("--rules") { Description = $"{what}: JSON as 'trove asset rules' prints" };

    /// <summary>A charter in a file, as JSON.</summary>
    public static Option<FileInfo?> CharterFile(string what) => new("--charter") { Description = $"{what}: JSON as 'trove asset charter' prints" };

    /// <summary>Rules that the governor would take.</summary>
    public static RuleSet ReadRules(FileInfo file)
    {
        var rules = ReadFile<RuleSet>(file, "rules");
        return rules.Problem() is { } problem ? throw new CommandException($"these rules would be refused: {problem}", "see specs/grants.md, Classes") : rules;
    }

    /// <summary>A charter that the grants would take.</summary>
    public static CharterInfo ReadCharter(FileInfo file)
    {
        var charter = ReadFile<CharterInfo>(file, "charter");
        return charter.Problem() is { } problem ? throw new CommandException($"this charter would be refused: {problem}", "see specs/grants.md, Charter") : charter;
    }

    private static T ReadFile<T>(FileInfo file, string what) where T : class
    {
        const int most = 1 << 16;
        string next = $"start from what 'trove asset {what}' prints";
        if (!file.Exists || file.Length > most)
            throw new CommandException($"'{Shared.Safe(file.Name)}' is no file of {what}", next);
        try
        {
            return JsonSerializer.Deserialize<T>(File.ReadAllBytes(file.FullName), TroveJson.Options) ?? throw new CommandException($"'{Shared.Safe(file.Name)}' holds no {what}", next);
        }
        catch (JsonException e)
        {
            throw new CommandException($"'{Shared.Safe(file.Name)}' is no file of {what}: {e.Message}", next);
        }
    }

    /// <summary>Reads a time such as 30s, 90m, 12h or 3d.</summary>
    public static bool TryParseTime(string text, out uint seconds)
    {
        uint unit = text.Length < 2 ? 0u : text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86400, _ => 0 };
        bool ok = unit != 0 & uint.TryParse(text.AsSpan(0, Math.Max(0, text.Length - 1)), NumberStyles.None, CultureInfo.InvariantCulture, out uint number) && number <= 365 * 86400 / Math.Max(unit, 1);
        seconds = ok ? number * unit : 0;
        return ok;
    }

    private static uint Seconds(string option, string text) => TryParseTime(text, out uint seconds)
        ? seconds
        : throw new CommandException($"{option} takes a time, not '{Shared.Safe(text)}'", "write 30s, 90m, 12h or 3d; at most a year");

    private static Option<string> Time(string name, string description, uint seconds) => new(name)
    {
        Description = $"{description}: 30s, 90m, 12h or 3d",
        DefaultValueFactory = _ => seconds % 86400 == 0 ? $"{seconds / 86400}d" : $"{seconds / 3600}h",
    };
}
