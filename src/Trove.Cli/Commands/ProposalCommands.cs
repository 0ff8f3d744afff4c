using System.CommandLine;
using Trove.Core.Votes;
using Trove.Node.Protocol;

namespace Trove.Cli.Commands;

/// <summary>What lies before a proposal, and what it would do.</summary>
internal static class ProposalCommands
{
    public static Command Proposal()
    {
        var asset = new Argument<string>("ASSET") { Description = "Asset, by symbol or address" };
        var proposal = new Argument<string>("PROPOSAL") { Description = "From 'trove proposals'; its first digits are enough" };
        var node = Shared.Node();
        var simulate = new Command("simulate", "Carries it out on a copy of the chain, at its earliest effect, and tells what the contracts say before and after. The chain itself stays as it is.") { asset, proposal, node };
        simulate.SetAction(async (r, ct) =>
        {
            using var client = Shared.Client(r.GetValue(node), longRunning: true);
            var info = await Shared.FindAssetAsync(client, r.GetValue(asset), ct);
            var found = await VoteCommands.FindAsync(client, info, r.GetValue(proposal)!, ct);
            var simulated = await client.SimulateAsync(info.Asset, found.Proposal, ct);
            if (r.GetValue(Shared.Json))
                Shared.PrintJson(simulated);
            else
                Print(simulated, await VoteCommands.InWordsAsync(client, (await client.InfoAsync(ct)).ChainId, info, found, ct));
            return simulated.Error is null ? 0 : 1;
        });
        var command = new Command("proposal", "A proposal by itself.");
        command.Subcommands.Add(simulate);
        return command;
    }

    /// <summary>Lines of an open proposal: when it takes effect, what is missing, what to expect.</summary>
    public static string Outlook(ProposalInfo p)
    {
        if (p.Outlook is not { } o)
            return "";
        string effect = $"\n  effect  from {VoteCommands.Time(o.EffectAt)} at the earliest{(o.LeaveUntil is { } leave ? $"; who does not want it withdraws until {VoteCommands.Time(leave)}" : "")}";
        if (p.State != "active")
            return effect;
        string quorum = $"\n  quorum  {o.TakenPart} of {o.Supply} shares take part, {(o.Missing.Units == 0 ? "enough" : $"{o.Missing} are missing")}";
        string expect = o.Forecast is { } f
            ? $"{Word(f.Outlook)}: by the turnout of {f.Votes} votes, {f.Low} to {f.High} shares by the end, {f.Median} in the middle; {p.Quorum} must take part"
            : $"nothing yet: {o.VotesBefore} votes are over, and a forecast takes {TurnoutForecast.LeastVotes}";
        return $"{effect}{quorum}\n  expect  {expect}";
    }

    private static string Word(QuorumOutlook outlook) => outlook switch
    {
        QuorumOutlook.Reached => "the quorum is reached",
        QuorumOutlook.Likely => "likely to reach its quorum",
        QuorumOutlook.Unlikely => "unlikely to reach its quorum",
        _ => "unclear whether it reaches its quorum",
    };

    private static void Print(SimulationInfo s, string action)
    {
        Console.WriteLine($"proposal {s.Proposal.ToHex()[..12]} would {action}\n  on a copy of block {s.Block}, carried out at {VoteCommands.Time(s.At)}");
        if (s.Error is { } error)
        {
            Console.WriteLine($"  the contracts would refuse it: {Shared.Safe(error)}");
            return;
        }
        var changes = s.Facts.Where(f => f.Before != f.After).ToList();
        foreach (var f in changes)
            Console.WriteLine($"  {Shared.Safe(f.Fact)}\n    before  {Shared.Safe(f.Before)}\n    after   {Shared.Safe(f.After)}");
        Console.WriteLine(changes.Count == 0 ? "  nothing changes" : $"  as before: {string.Join(", ", s.Facts.Where(f => f.Before == f.After).Select(f => Shared.Safe(f.Fact)))}");
    }
}
