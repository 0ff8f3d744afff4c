using Trove.Core;
using Trove.Core.Rewards;

namespace Trove.Tests.Node;

/// <summary>Hashes that stand on chain for a document: no field may change without them.</summary>
public class PolicyTests
{
    internal static readonly AssetPolicy Policy = new(new Shares(Shares.One), new Shares(Shares.One * 1000), 20, ["comment", "post"],
        new Money(1), new Money(2), new Money(3));

    private static readonly EvidenceCheck Check = new("reddit.times", CheckOutcome.Passed, "all dated"), Other = new("reddit.checkfile", CheckOutcome.Absent, "");

    [Fact]
    public void Policy_hash_changes_with_every_field()
    {
        AssetPolicy[] policies =
        [
            Policy,
            Policy with { SharesPerWord = new Shares(Shares.One + 1) },
            Policy with { EpochCap = new Shares(Shares.One * 1000 + 1) },
            Policy with { MinimumWords = 21 },
            Policy with { Kinds = ["comment"] },
            Policy with { Kinds = ["comment", "post", "note"] },
            Policy with { Kinds = ["commentpost"] },
            Policy with { QueryPrice = new Money(2) },
            Policy with { TrainPrice = new Money(3) },
            Policy with { CopyPrice = new Money(4) },
            Policy with { QueryPrice = new Money(2), TrainPrice = new Money(1) },
        ];
        Assert.Equal(7, typeof(AssetPolicy).GetConstructors().Single(c => c.GetParameters().Length > 1).GetParameters().Length); // a new field needs a line above
        Assert.Equal(policies.Length, policies.Select(p => p.Hash()).Distinct().Count());
        Assert.Equal(Policy.Hash(), (Policy with { Kinds = ["post", "comment"] }).Hash());
    }

    [Fact]
    public void Evidence_hash_changes_with_every_field()
    {
        EvidenceResults[] results =
        [
            new([]),
            new([Check]),
            new([Other]),
            new([Check, Other]),
            new([Check with { Name = "reddit.time" }]),
            new([Check with { Outcome = CheckOutcome.Failed }]),
            new([Check with { Outcome = CheckOutcome.Absent }]),
            new([Check with { Detail = "all date" }]),
            new([Check with { Name = "reddit.timesall", Detail = " dated" }]),
        ];
        Assert.Equal(3, typeof(EvidenceCheck).GetConstructors().Single(c => c.GetParameters().Length > 1).GetParameters().Length);
        Assert.Equal(results.Length, results.Select(r => r.Hash()).Distinct().Count());
        Assert.Equal(new EvidenceResults([Check, Other]).Hash(), new EvidenceResults([Other, Check]).Hash());
    }

    [Fact]
    public void One_failed_check_makes_evidence_worthless()
    {
        Assert.Equal(8_000u, new EvidenceResults([]).Factor());
        Assert.Equal(9_000u, new EvidenceResults([Check, Other]).Factor());
        Assert.Equal(10_000u, new EvidenceResults([.. Enumerable.Range(0, 5).Select(i => Check with { Name = $"c{i}" })]).Factor());
        Assert.Equal(0u, new EvidenceResults([Check, Other with { Outcome = CheckOutcome.Failed }]).Factor());
    }

    [Fact]
    public void Bounds_of_policies_and_results_from_outside()
    {
        Assert.Null(Policy.Problem());
        Assert.NotNull((Policy with { Kinds = [] }).Problem());
        Assert.NotNull((Policy with { Kinds = ["post", "post"] }).Problem());
        Assert.NotNull((Policy with { Kinds = ["Post"] }).Problem());
        Assert.NotNull((Policy with { Kinds = [new string('a', 33)] }).Problem());
        Assert.NotNull((Policy with { Kinds = [.. Enumerable.Range(0, 65).Select(i => $"{(char)('a' + i % 26)}{(char)('a' + i / 26)}")] }).Problem());
        Assert.NotNull((Policy with { SharesPerWord = default }).Problem());
        Assert.NotNull((Policy with { EpochCap = default }).Problem());
        Assert.Null(new EvidenceResults([Check, Other]).Problem());
        Assert.NotNull(new EvidenceResults([Check, Check]).Problem());
        Assert.NotNull(new EvidenceResults([Check with { Detail = new string('x', 201) }]).Problem());
        Assert.NotNull(new EvidenceResults([Check with { Outcome = (CheckOutcome)9 }]).Problem());
        Assert.NotNull(new EvidenceResults([.. Enumerable.Range(0, 65).Select(i => Check with { Name = $"c{i}" })]).Problem());
    }
}
