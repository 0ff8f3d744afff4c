using System.Text;
using Trove.Core;
using Trove.Node.Protocol;
using Trove.Node.Requests;

namespace Trove.Tests.Node;

/// <summary>The calendar of votes as RFC 5545 wants it, whatever a proposer writes.</summary>
public class ProposalCalendarTests
{
    private static readonly Address Asset = Address.Parse("0x1111111111111111111111111111111111111111");

    [Fact]
    public void Open_votes_have_two_events_and_decided_ones_the_effect()
    {
        var text = ProposalCalendar.Write(Asset, "TIDE", [Proposal(1, "active"), Proposal(2, "queued"), Proposal(3, "executed") with { Outlook = null }]);
        var lines = Unfold(text);
        Assert.Equal(("BEGIN:VCALENDAR", "VERSION:2.0", "END:VCALENDAR"), (lines[0], lines[1], lines[^1]));
        Assert.Equal([$"UID:vote-{new string('1', 64)}@{Asset}", $"UID:effect-{new string('1', 64)}@{Asset}", $"UID:effect-{new string('2', 64)}@{Asset}"], lines.Where(l => l.StartsWith("UID:", StringComparison.Ordinal)));
        Assert.Equal(["DTSTART:20260304T050607Z", "DTSTART:20260305T050607Z", "DTSTART:20260305T050607Z"], lines.Where(l => l.StartsWith("DTSTART:", StringComparison.Ordinal)));
        Assert.Equal(3, lines.Count(l => l == "BEGIN:VEVENT"));
        Assert.Equal(text, ProposalCalendar.Write(Asset, "TIDE", [Proposal(1, "active"), Proposal(2, "queued")])); // stable: a reader replaces what it had
    }

    [Fact]
    public void What_a_proposer_writes_begins_no_line_and_is_escaped()
    {
        var text = ProposalCalendar.Write(Asset, "A,B;C", [Proposal(1, "active") with { Description = "a\\b;c,d\nEND:VEVENT\r\nBEGIN:VALARM\u0000" }]);
        Assert.DoesNotContain("\nBEGIN:VALARM", text, StringComparison.Ordinal);
        Assert.Contains(@"DESCRIPTION:a\\b\;c\,d\nEND:VEVENT \nBEGIN:VALARM ", Unfold(text));
        Assert.Contains(@"SUMMARY:A\,B\;C: the vote on runners 111111111111 ends", Unfold(text));
    }

    [Theory]
    [InlineData("ä")]
    [InlineData("世")]
    [InlineData("🌊")]
    public void Lines_have_at_most_75_octets_and_cut_no_character(string letter)
    {
        var said = string.Concat(Enumerable.Repeat(letter, 400));
        var text = ProposalCalendar.Write(Asset, "TIDE", [Proposal(1, "active") with { Description = said }]);
        Assert.EndsWith("\r\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', text.Replace("\r\n", "", StringComparison.Ordinal));
        Assert.All(text.Split("\r\n"), line => Assert.InRange(Encoding.UTF8.GetByteCount(line), 0, 75));
        Assert.DoesNotContain('\ufffd', Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)));
        Assert.Contains("DESCRIPTION:" + said, Unfold(text));
    }

    [Fact]
    public void Times_beyond_every_calendar_are_its_end() =>
        Assert.Contains("DTSTART:99991231T235959Z", Unfold(ProposalCalendar.Write(Asset, "TIDE", [Proposal(1, "active") with { VoteEnd = long.MaxValue }])));

    private static string[] Unfold(string text) => text.Replace("\r\n ", "", StringComparison.Ordinal).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);

    private static ProposalInfo Proposal(int digit, string state) => new(Hash32.Parse("0x" + new string((char)('0' + digit), 64)), Asset, ProposalClass.Constitution, "runners", null, [Asset], 0, 0, null, null, null, null, null, null,
        "Name the runners", Asset, state, 1772341567, 1772600767, default, default, default, default, 66, 0, 0, new ProposalOutlook(1772687167, 1772687166, default, default, default, 0, null));
}
