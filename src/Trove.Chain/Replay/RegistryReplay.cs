using System.Numerics;
using Trove.Chain.Bindings;
using Trove.Core;

namespace Trove.Chain.Replay;

/// <summary>The registry: who verifies, guards and runs, by which policy, and until when nothing is released.</summary>
public sealed class RegistryReplay : EventReplay
{
    private readonly List<VerifierSet> _verifierSets = [];
    private readonly List<Hash32> _policies = [];

    internal RegistryReplay()
    {
        Custody = new Custody([], [], [], 0, []);
        Ignore(Registry.InitializedEvent.Signature, Registry.EIP712DomainChangedEvent.Signature);
        On(Registry.ControlTransferredEvent.Signature, Registry.ControlTransferredEvent.Decode, (e, _) => Controller = e.Controller);
        On(Registry.VerifiersChangedEvent.Signature, Registry.VerifiersChangedEvent.Decode, (e, _) =>
        {
            Require(e.Version == (ulong)_verifierSets.Count + 1, $"verifier set {e.Version} follows {_verifierSets.Count}");
            _verifierSets.Add(new VerifierSet(e.Verifiers, e.Recipients, e.Threshold));
        });
        On(Registry.PolicyChangedEvent.Signature, Registry.PolicyChangedEvent.Decode, (e, _) =>
        {
            Require(e.Version == (ulong)_policies.Count + 1, $"policy {e.Version} follows {_policies.Count}");
            _policies.Add(e.PolicyHash);
        });
        On(Registry.GuardiansInvitedEvent.Signature, Registry.GuardiansInvitedEvent.Decode, (e, _) => Invitation = (e.Guardians, e.Threshold));
        On(Registry.GuardiansChangedEvent.Signature, Registry.GuardiansChangedEvent.Decode, (e, _) =>
        {
            Require(e.Epoch == CommitteeEpoch + 1, $"committee {e.Epoch} follows {CommitteeEpoch}");
            (CommitteeEpoch, Transcript, Invitation) = (e.Epoch, e.Transcript, ([], 0));
            Custody = Custody with { Guardians = e.Guardians, Commitments = e.Commitments, OprfCommitments = e.OprfCommitments, Threshold = e.Threshold };
        });
        On(Registry.RunnersChangedEvent.Signature, Registry.RunnersChangedEvent.Decode, (e, _) => Custody = Custody with { Runners = e.Runners });
        On(Registry.PausedUntilEvent.Signature, Registry.PausedUntilEvent.Decode, (e, _) => PausedUntil = e.Timestamp);
    }

    /// <summary>Who changes verifiers and policy: the founder, then the timelock.</summary>
    public Address Controller { get; private set; }

    /// <summary>Guardians with what they committed to, and runners.</summary>
    public Custody Custody { get; private set; }

    /// <summary>Number of the guardians' committee.</summary>
    public uint CommitteeEpoch { get; private set; }

    /// <summary>Hash of the ceremony that the committee came from.</summary>
    public Hash32 Transcript { get; private set; }

    /// <summary>Guardians who were invited to the next committee.</summary>
    public (IReadOnlyList<Address> Guardians, uint Threshold) Invitation { get; private set; } = ([], 0);

    /// <summary>Second until which nothing is released.</summary>
    public BigInteger PausedUntil { get; private set; }

    /// <summary>All verifier sets, version 1 first.</summary>
    public IReadOnlyList<VerifierSet> VerifierSets => _verifierSets;

    /// <summary>Hashes of all policies, version 1 first.</summary>
    public IReadOnlyList<Hash32> Policies => _policies;
}
