using System.Numerics;
using Trove.Chain.Abi;
using Trove.Chain.Bindings;
using Trove.Core;

namespace Trove.Chain.Replay;

/// <summary>A proposal as its events tell it. Times in seconds.</summary>
public sealed class ProposalReplay
{
    internal ProposalReplay(Address proposer, ulong rulesVersion, BigInteger voteStart, BigInteger voteEnd) =>
        (Proposer, RulesVersion, Snapshot, Deadline) = (proposer, rulesVersion, voteStart - 1, voteEnd);

    /// <summary>Who proposed it.</summary>
    public Address Proposer { get; }

    /// <summary>The rules it is voted on under.</summary>
    public ulong RulesVersion { get; }

    /// <summary>Shares count as they were then.</summary>
    public BigInteger Snapshot { get; }

    /// <summary>Last second to vote.</summary>
    public BigInteger Deadline { get; internal set; }

    /// <summary>From when on it can be carried out; 0 before it is queued.</summary>
    public BigInteger Eta { get; internal set; }

    /// <summary>Was it carried out?</summary>
    public bool Executed { get; internal set; }

    /// <summary>Votes against it, for it, and of those who abstain.</summary>
    public (BigInteger Against, BigInteger For, BigInteger Abstain) Votes { get; internal set; }

    /// <summary>Who has voted.</summary>
    public IReadOnlyCollection<Address> Voters => VoterSet;

    internal HashSet<Address> VoterSet { get; } = [];
}

/// <summary>The governor: rules, proposals and votes.</summary>
public sealed class GovernorReplay : EventReplay
{
    // What strangers write, descriptions and reasons, need not be text: read as bytes, or anybody could stop the replay of an asset.
    private static readonly AbiType None = AbiType.Parse("()"), Voter = AbiType.Parse("(address)"),
        Created = AbiType.Parse("(uint256,address,address[],uint256[],bytes[],bytes[],uint256,uint256,bytes)"),
        Vote = AbiType.Parse("(uint256,uint8,uint256,bytes)"), VoteWithParams = AbiType.Parse("(uint256,uint8,uint256,bytes,bytes)");

    private readonly Dictionary<BigInteger, ProposalReplay> _proposals = [];

    internal GovernorReplay()
    {
        Ignore(AssetGovernor.InitializedEvent.Signature, AssetGovernor.EIP712DomainChangedEvent.Signature);
        On(AssetGovernor.TimelockChangeEvent.Signature, AssetGovernor.TimelockChangeEvent.Decode, (e, _) => Timelock = e.NewTimelock);
        On(AssetGovernor.LateQuorumVoteExtensionSetEvent.Signature, AssetGovernor.LateQuorumVoteExtensionSetEvent.Decode, (e, _) => VoteExtension = e.NewVoteExtension);
        On(AssetGovernor.RulesChangedEvent.Signature, AssetGovernor.RulesChangedEvent.Decode, (e, _) =>
            (RulesVersion, Rules) = (e.Version, [e.Query, e.Copy, e.Constitution]));
        On(AssetGovernor.ProposalCreatedEvent.Signature, l => ContractView.Event(l, AssetGovernor.ProposalCreatedEvent.Signature, None, Created, [false, false, false, false, false, false, false, false, false]), (e, _) =>
            Require(_proposals.TryAdd((BigInteger)e[0], new ProposalReplay((Address)e[1], RulesVersion, (BigInteger)e[6], (BigInteger)e[7])), $"{e[0]} is proposed twice"));
        On(AssetGovernor.ProposalExtendedEvent.Signature, AssetGovernor.ProposalExtendedEvent.Decode, (e, _) => Known(e.ProposalId).Deadline = e.ExtendedDeadline);
        On(AssetGovernor.ProposalQueuedEvent.Signature, AssetGovernor.ProposalQueuedEvent.Decode, (e, _) => Known(e.ProposalId).Eta = e.EtaSeconds);
        On(AssetGovernor.ProposalExecutedEvent.Signature, AssetGovernor.ProposalExecutedEvent.Decode, (e, _) => Known(e.ProposalId).Executed = true);
        On(AssetGovernor.VoteCastEvent.Signature, l => ContractView.Event(l, AssetGovernor.VoteCastEvent.Signature, Voter, Vote, [true, false, false, false, false]), (e, _) => Cast(e));
        On(AssetGovernor.VoteCastWithParamsEvent.Signature, l => ContractView.Event(l, AssetGovernor.VoteCastWithParamsEvent.Signature, Voter, VoteWithParams, [true, false, false, false, false, false]), (e, _) => Cast(e));
    }

    /// <summary>Carries out what was decided.</summary>
    public Address Timelock { get; private set; }

    /// <summary>Seconds a vote goes on at least after its quorum was reached.</summary>
    public ulong VoteExtension { get; private set; }

    /// <summary>Version of the rules in force.</summary>
    public ulong RulesVersion { get; private set; }

    /// <summary>The rules in force: of queries, copies and the constitution.</summary>
    public IReadOnlyList<Rules> Rules { get; private set; } = [];

    /// <summary>All proposals by identifier.</summary>
    public IReadOnlyDictionary<BigInteger, ProposalReplay> Proposals => _proposals;

    private ProposalReplay Known(BigInteger id) =>
        _proposals.GetValueOrDefault(id) ?? throw new InvalidDataException($"the events contradict each other: {id} was never proposed");

    private void Cast(object[] e)
    {
        var (voter, proposal, support, weight) = ((Address)e[0], Known((BigInteger)e[1]), (byte)e[2], (BigInteger)e[3]);
        Require(proposal.VoterSet.Add(voter), $"{voter} votes twice");
        var v = proposal.Votes;
        proposal.Votes = support switch
        {
            0 => v with { Against = v.Against + weight },
            1 => v with { For = v.For + weight },
            2 => v with { Abstain = v.Abstain + weight },
            _ => throw new InvalidDataException($"the events contradict each other: {voter} votes {support}"),
        };
    }
}
