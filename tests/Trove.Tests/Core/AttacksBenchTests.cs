using Trove.Bench;

namespace Trove.Tests.Core;

/// <summary>The attackers' bench at a small size: what the whole one reaches, this holds.</summary>
public class AttacksBenchTests
{
    [Fact]
    public void Attackers_gain_no_more_than_the_goals_and_honest_members_lose_no_more()
    {
        var lines = AttacksBench.Run(60, 50, TestContext.Current.CancellationToken);
        Assert.Equal(28, lines.Count(l => l.Goal is not null));
        Assert.All(lines.Where(l => l.Goal is not null), l => Assert.True(l.Met, $"{l.What}: {l.Ours} {l.Unit}, goal {l.Goal}"));
    }
}
