using System.Numerics;
using Trove.Chain.Abi;
using Trove.Chain.Bindings;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Assets;
using Trove.Node.Protocol;
using Trove.Node.Requests;

namespace Trove.Tests.Node;

public class ProposedActionTests
{
    private static readonly Address Grants = At(1), Registry = At(2), Governor = At(7), Stakes = At(13);
    private static readonly AssetRow Asset = new(At(3), At(4), Registry, At(5), "Name", "SYM", At(6), default, default, null, [], [], 1, 1, Grants, Governor, At(8), Stakes,
        new CustodyInfo([], [], [], 1, [], 1), GovernanceInfo.Default, CharterInfo.Default, default);
    private static readonly CharterInfo Charter = new(60, 3, 5, 3600, 86400, 4_000_000, new Money(1_000), new Money(500), new StandingInfo(new Money(25), 500_000, 20, 6), [new FeeInfo(At(9), 250), new FeeInfo(At(8), 500)]);

    public static TheoryData<ProposedAction> Actions =>
    [
        new ProposedAction(ActionKind.Approve, Keccak256.Hash("one"u8), null), new ProposedAction(ActionKind.Revoke, Keccak256.Hash("two"u8), null),
        new ProposedAction(ActionKind.Runners, null, [At(9), At(10)]), new ProposedAction(ActionKind.Runners, null, []),
        new ProposedAction(ActionKind.Guardians, null, [At(9), At(10), At(11)], 2), new ProposedAction(ActionKind.Guardians, null, []),
        new ProposedAction(ActionKind.Pause, null, null, 0, ulong.MaxValue), new ProposedAction(ActionKind.Pause, null, null),
        new ProposedAction(ActionKind.Verifiers, Verifiers: [new(At(9), Key(1)), new(At(10), Key(2))], Threshold: 2), new ProposedAction(ActionKind.Policy, Policy: Keccak256.Hash("three"u8)),
        new ProposedAction(ActionKind.Rules, Rules: GovernanceInfo.Default.Rules), new ProposedAction(ActionKind.Charter, Charter: Charter), new ProposedAction(ActionKind.Charter, Charter: CharterInfo.Default),
        new ProposedAction(ActionKind.Pay, Accounts: [At(9)], Amount: new Money(12_500_000)), new ProposedAction(ActionKind.Reverse, Slashing: 7),
    ];

    [Theory]
    [MemberData(nameof(Actions), DisableDiscoveryEnumeration = true)]
    public void What_is_read_is_carried_out_to_the_byte(ProposedAction action)
    {
        Assert.Same(action, action.Checked());
        var call = action.ToCall(ActionTargets.Of(Asset));
        var read = ProposedAction.Read(call, ActionTargets.Of(Asset))!;
        Assert.Equal((action.Kind, action.Request, action.Threshold, action.Until, action.Policy, action.Rules, action.Charter, action.Amount, action.Slashing),
            (read.Kind, read.Request, read.Threshold, read.Until, read.Policy, read.Rules, read.Charter, read.Amount, read.Slashing));
        Assert.Equal(action.Accounts, read.Accounts);
        Assert.Equal(action.Verifiers, read.Verifiers);
        Assert.Equal(call.Data, read.ToCall(ActionTargets.Of(Asset)).Data);
        foreach (var other in (Address[])[At(12), Grants, Registry, Governor, Stakes, At(6)])
            if (other != call.To)
                Assert.Null(ProposedAction.Read(call with { To = other }, ActionTargets.Of(Asset)));
        // Bytes behind the arguments make it another proposal, which what was read would not carry out.
        var longer = call with { Data = [.. call.Data, .. new byte[32]] };
        if (action.Kind is ActionKind.Runners or ActionKind.Guardians or ActionKind.Verifiers or ActionKind.Rules or ActionKind.Charter or ActionKind.Pay)
            Assert.Throws<AbiException>(() => ProposedAction.Read(longer, ActionTargets.Of(Asset)));
        else
            Assert.Null(ProposedAction.Read(longer, ActionTargets.Of(Asset)));
    }

    public static TheoryData<ProposedAction> Refused =>
    [
        new ProposedAction(ActionKind.Approve), new ProposedAction(ActionKind.Revoke), new ProposedAction(ActionKind.Unreadable), new ProposedAction(ActionKind.Runners),
        new ProposedAction(ActionKind.Runners, Accounts: [At(9), At(9)]), new ProposedAction(ActionKind.Runners, Accounts: [At(0)]), new ProposedAction(ActionKind.Guardians, Accounts: [At(9)], Threshold: 2),
        new ProposedAction(ActionKind.Policy), new ProposedAction(ActionKind.Policy, Policy: default(Hash32)), new ProposedAction(ActionKind.Rules), new ProposedAction(ActionKind.Rules, Rules: Heavier(r => r with { ApprovalPercent = 49 })),
        new ProposedAction(ActionKind.Rules, Rules: Heavier(r => r with { QuorumPercent = 1 })), new ProposedAction(ActionKind.Rules, Rules: Heavier(r => r with { TimelockDelay = 0 })),
        new ProposedAction(ActionKind.Rules, Rules: Heavier(r => r with { VotingPeriod = 90 * 86400 + 1 })), new ProposedAction(ActionKind.Rules, Rules: Heavier(r => r with { QuorumFloor = new Shares(0) })),
        new ProposedAction(ActionKind.Verifiers, Threshold: 1), new ProposedAction(ActionKind.Verifiers, Verifiers: [], Threshold: 0), new ProposedAction(ActionKind.Verifiers, Verifiers: [new(At(9), Key(1))], Threshold: 2),
        new ProposedAction(ActionKind.Verifiers, Verifiers: [new(At(9), Key(1)), new(At(10), Key(1))], Threshold: 1), new ProposedAction(ActionKind.Verifiers, Verifiers: [new(At(9), "age1")], Threshold: 1),
        new ProposedAction(ActionKind.Verifiers, Verifiers: [new(At(9), Key(1)), new(At(9), Key(2))], Threshold: 1), new ProposedAction(ActionKind.Verifiers, Verifiers: [null!], Threshold: 1),
    ];

    [Theory]
    [MemberData(nameof(Refused), DisableDiscoveryEnumeration = true)]
    public void What_the_contracts_would_refuse_is_not_put_to_a_vote(ProposedAction action) => Assert.Null(action.Checked());

    private static RuleSet Heavier(Func<RulesInfo, RulesInfo> change) => GovernanceInfo.Default.Rules with { Constitution = change(GovernanceInfo.Default.Rules.Constitution) };

    private static string Key(byte number) => new X25519Recipient(new Hash32([.. new byte[31], number])).ToString();

    [Fact]
    public void A_time_that_no_node_can_hold_is_not_read_as_an_earlier_one() =>
        Assert.Null(ProposedAction.Read(new Registry(Registry).PauseUntil(BigInteger.One << 64), ActionTargets.Of(Asset)));

    private static Address At(byte number) => new([.. new byte[19], number]);
}
