using System.Numerics;
using Trove.Chain.Abi;
using Trove.Chain.Bindings;
using Trove.Chain.Events;
using Trove.Chain.Replay;
using Trove.Chain.Rpc;
using Trove.Core;

namespace Trove.Tests.Chain;

/// <summary>What strangers write into events stops no replay.</summary>
public class GovernorReplayTests
{
    private static readonly byte[] NoText = [0xff, 0xfe, 0xc0];

    [Fact]
    public void Descriptions_and_reasons_that_are_no_text_are_taken()
    {
        var (governor, voter) = (new GovernorReplay(), new Address([.. Enumerable.Repeat((byte)7, Address.Size)]));
        Take(AssetGovernor.ProposalCreatedEvent.Signature, [], "(uint256,address,address[],uint256[],bytes[],bytes[],uint256,uint256,bytes)",
            new BigInteger(5), voter, Array.Empty<object>(), Array.Empty<object>(), new object[] { NoText }, new object[] { NoText }, new BigInteger(10), new BigInteger(20), NoText);
        var topic = new Hash32(AbiCodec.Encode(AbiType.Parse("(address)"), [voter]));
        Assert.Throws<AbiException>(() => AssetGovernor.VoteCastEvent.Decode(Vote().Log)); // as text it is none
        governor.Apply(Vote());
        var proposal = Assert.Single(governor.Proposals).Value;
        Assert.Equal((voter, 9, 20, 3), (proposal.Proposer, (int)proposal.Snapshot, (int)proposal.Deadline, (int)proposal.Votes.For));
        Assert.Equal([voter], proposal.Voters);
        Assert.Throws<InvalidDataException>(() => governor.Apply(Vote())); // twice

        TimedLog Vote() => Log(AssetGovernor.VoteCastEvent.Signature, [topic], "(uint256,uint8,uint256,bytes)", new BigInteger(5), new BigInteger(1), new BigInteger(3), NoText);

        void Take(Hash32 signature, Hash32[] topics, string types, params object?[] values) => governor.Apply(Log(signature, topics, types, values));
    }

    private static TimedLog Log(Hash32 signature, Hash32[] topics, string types, params object?[] values) =>
        new(new Log(default, [signature, .. topics], AbiCodec.Encode(AbiType.Parse(types), values), new BlockRef(1, default), default, 0), 1);
}
