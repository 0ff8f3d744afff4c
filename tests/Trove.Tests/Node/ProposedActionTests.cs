using System.Numerics;
using Trove.Chain.Abi;
using Trove.Chain.Bindings;
using Trove.Core;
using Trove.Node.Assets;
using Trove.Node.Protocol;
using Trove.Node.Requests;

namespace Trove.Tests.Node;

public class ProposedActionTests
{
    private static readonly Address Grants = At(1), Registry = At(2);
    private static readonly AssetRow Asset = new(At(3), At(4), Registry, At(5), "Name", "SYM", At(6), default, default, null, [], [], 1, 1, Grants, At(7), At(8),
        new CustodyInfo([], [], [], 1, [], 1), GovernanceInfo.Default);

    public static TheoryData<ProposedAction> Actions =>
    [
        new ProposedAction(ActionKind.Approve, Keccak256.Hash("one"u8), null), new ProposedAction(ActionKind.Revoke, Keccak256.Hash("two"u8), null),
        new ProposedAction(ActionKind.Runners, null, [At(9), At(10)]), new ProposedAction(ActionKind.Runners, null, []),
        new ProposedAction(ActionKind.Guardians, null, [At(9), At(10), At(11)], 2), new ProposedAction(ActionKind.Guardians, null, []),
        new ProposedAction(ActionKind.Pause, null, null, 0, ulong.MaxValue), new ProposedAction(ActionKind.Pause, null, null),
    ];

    [Theory]
    [MemberData(nameof(Actions), DisableDiscoveryEnumeration = true)]
    public void What_is_read_is_carried_out_to_the_byte(ProposedAction action)
    {
        var call = action.ToCall(Grants, Registry);
        var read = ProposedAction.Read(call, Asset)!;
        Assert.Equal((action.Kind, action.Request, action.Threshold, action.Until), (read.Kind, read.Request, read.Threshold, read.Until));
        Assert.Equal(action.Accounts, read.Accounts);
        Assert.Equal(call.Data, read.ToCall(Grants, Registry).Data);
        Assert.Null(ProposedAction.Read(call with { To = At(12) }, Asset));
        Assert.Null(ProposedAction.Read(call with { To = call.To == Grants ? Registry : Grants }, Asset));
        // Bytes behind the arguments make it another proposal, which what was read would not carry out.
        var longer = call with { Data = [.. call.Data, .. new byte[32]] };
        if (action.Kind is ActionKind.Runners or ActionKind.Guardians)
            Assert.Throws<AbiException>(() => ProposedAction.Read(longer, Asset));
        else
            Assert.Null(ProposedAction.Read(longer, Asset));
    }

    [Fact]
    public void A_time_that_no_node_can_hold_is_not_read_as_an_earlier_one() =>
        Assert.Null(ProposedAction.Read(new Registry(Registry).PauseUntil(BigInteger.One << 64), Asset));

    private static Address At(byte number) => new([.. new byte[19], number]);
}
