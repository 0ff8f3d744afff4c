using Trove.Core;
using Trove.Core.Rewards;

namespace Trove.Tests.Node;

/// <summary>Hashes that stand on chain for a document: no field may change without them.</summary>
public class PolicyTests
{
    internal static readonly AssetPolicy Policy = new(new Shares(Shares.One), new Shares(Shares.One * 1000), new Shares(Shares.One * 500), 7, 20, ["comment", "post"],
        EvidencePolicy.Default, Quality.Full, new Money(1), new Money(2), new Money(3));

    private static readonly EvidenceCheck Check = new("reddit.times", CheckOutcome.Passed, "all dated"), Other = new("reddit.checkfile", CheckOutcome.Absent, "");

    [Fact]
    public void Policy_hash_changes_with_every_field()
    {
        AssetPolicy[] policies =
        [
            Policy,
            Policy with { SharesPerWord = new Shares(Shares.One + 1) },
            Policy with { EpochCap = new Shares(Shares.One * 1000 + 1) },
            Policy with { OwnerCap = new Shares(Shares.One * 500 + 1) },
            Policy with { HalvingWords = 8 },
            Policy with { MinimumWords = 21 },
            Policy with { Evidence = EvidencePolicy.Default with { Base = 8_001 } },
            Policy with { Evidence = new(8_000, []) },
            Policy with { Evidence = new(8_000, [new("export", 1_000, false)]) },
            Policy with { Evidence = new(8_000, [new("export", 1_000, true)]) },
            Policy with { Evidence = new(8_000, [new("export", 1_001, false)]) },
            Policy with { Quality = Quality.Full with { Variety = 1 } },
            Policy with { Quality = Quality.Full with { Repetition = 1 } },
            Policy with { Quality = Quality.Full with { Letters = 1 } },
            Policy with { Quality = Quality.Full with { Digits = 1 } },
            Policy with { Quality = Quality.Full with { Lengths = 1 } },
            Policy with { Quality = Quality.Full with { Pairs = 1 } },
            Policy with { Quality = Quality.Full with { Language = 1 } },
            Policy with { Quality = Quality.Full with { Entropy = 1 } },
            Policy with { Kinds = ["comment"] },
            Policy with { Kinds = ["comment", "post", "note"] },
            Policy with { Kinds = ["commentpost"] },
            Policy with { QueryPrice = new Money(2) },
            Policy with { TrainPrice = new Money(3) },
            Policy with { CopyPrice = new Money(4) },
            Policy with { QueryPrice = new Money(2), TrainPrice = new Money(1) },
        ];
        Assert.Equal(11, typeof(AssetPolicy).GetConstructors().Single(c => c.GetParameters().Length > 1).GetParameters().Length); // a new field needs a line above
        Assert.Equal(policies.Length, policies.Select(p => p.Hash()).Distinct().Count());
        Assert.Equal(Policy.Hash(), (Policy with { Kinds = ["post", "comment"] }).Hash());
        Assert.Equal(Policy.Hash(), (Policy with { Evidence = EvidencePolicy.Default with { Rules = [.. EvidencePolicy.Default.Rules.Reverse()] } }).Hash());
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
        Assert.Equal(8_000u, Factor());
        Assert.Equal(9_000u, Factor(Check, Other));
        Assert.Equal(10_000u, Factor([.. Enumerable.Range(0, 5).Select(i => Check with { Name = $"c{i}" })]));
        Assert.Equal(0u, Factor(Check, Other with { Outcome = CheckOutcome.Failed }));

        static uint Factor(params EvidenceCheck[] checks) => new EvidenceResults(checks).Factor(EvidencePolicy.Default);
    }

    [Fact]
    public void A_policy_says_what_evidence_is_worth_and_which_it_asks_for()
    {
        var policy = new EvidencePolicy(5_000, [new("dkim", 3_000, true), new("export", 500, false)]);
        var mail = new EvidenceCheck("dkim", CheckOutcome.Passed, "");
        Assert.Equal(0u, new EvidenceResults([Check]).Factor(policy));
        Assert.Equal(["dkim"], new EvidenceResults([Check, mail with { Outcome = CheckOutcome.Absent }]).Missing(policy));
        Assert.Equal(8_500u, new EvidenceResults([Check, mail]).Factor(policy));
        Assert.Equal(8_000u, new EvidenceResults([Other, mail]).Factor(policy));
        Assert.Equal([0u, 2u, 2u], new[] { "permalink", "post", "profile" }.Select(kind => new EvidenceResults([Check, mail, new(kind, CheckOutcome.Passed, "")]).Control() - (kind == "permalink" ? 1 : 0)));
        Assert.Equal([1_000u, 1_000u, 1_000u, 1_000u, 1_000u], EvidencePolicy.Default.Rules.Select(r => r.Worth));
        Assert.Equal(0u, new EvidenceResults([Check]).Control());
        Assert.Equal(1u, new EvidenceResults([Check, mail]).Control());
        Assert.Equal(0u, new EvidenceResults([Check, mail with { Outcome = CheckOutcome.Absent }]).Control());
    }

    [Fact]
    public void Details_change_no_reward()
    {
        EvidenceCheck[] checks = [Check with { Detail = "12 files" }, new("dkim", CheckOutcome.Passed, "a mail"), new("profile", CheckOutcome.Absent, "none"), Other with { Outcome = CheckOutcome.Failed }];
        foreach (var some in checks.Select((_, i) => new EvidenceResults(checks[..(i + 1)])))
        {
            var kept = some.WithoutDetails();
            Assert.Equal((some.Factor(EvidencePolicy.Default), some.Control()), (kept.Factor(EvidencePolicy.Default), kept.Control()));
            Assert.All(kept.Checks, c => Assert.Empty(c.Detail));
        }
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
        Assert.NotNull((Policy with { OwnerCap = default }).Problem());
        Assert.NotNull((Policy with { OwnerCap = new Shares(Shares.One * 1001) }).Problem());
        Assert.NotNull((Policy with { HalvingWords = ulong.MaxValue }).Problem());
        Assert.NotNull((Policy with { Evidence = null! }).Problem());
        Assert.NotNull((Policy with { Evidence = new(8_000, null!) }).Problem());
        Assert.NotNull((Policy with { Evidence = new(8_000, [null!]) }).Problem());
        Assert.NotNull((Policy with { Evidence = new(10_001, []) }).Problem());
        Assert.NotNull((Policy with { Evidence = new(8_000, [new("export", 10_001, false)]) }).Problem());
        Assert.NotNull((Policy with { Evidence = new(8_000, [new("oracle", 1, false)]) }).Problem());
        Assert.NotNull((Policy with { Evidence = new(8_000, [new("export", 1, false), new("export", 2, false)]) }).Problem());
        Assert.NotNull((Policy with { Quality = null! }).Problem());
        Assert.NotNull((Policy with { Quality = Quality.Full with { Pairs = 10_001 } }).Problem());
        Assert.Null(new EvidenceResults([Check, Other]).Problem());
        Assert.NotNull(new EvidenceResults([Check, Check]).Problem());
        Assert.NotNull(new EvidenceResults([Check with { Detail = new string('x', 201) }]).Problem());
        Assert.NotNull(new EvidenceResults([Check with { Outcome = (CheckOutcome)9 }]).Problem());
        Assert.NotNull(new EvidenceResults([.. Enumerable.Range(0, 65).Select(i => Check with { Name = $"c{i}" })]).Problem());
    }
}
