using Trove.Core;

namespace Trove.Node.Protocol;

// The documents of evaluations (specs/custody.md, "Nullifiers nobody can guess"); see Documents.cs.

/// <summary>A verifier has the guardians evaluate one element (Messages.Evaluate).</summary>
/// <param name="Contribution">For which contribution it is; zero for the key of record tags.</param>
/// <param name="Blinded">An element of ristretto255, which says nothing of what is asked.</param>
/// <param name="Drawn">What shows that the verifier was drawn for it, and is no part of what it signs; null for the key of record tags.</param>
public sealed record OprfQuestion(Address Asset, Hash32 Contribution, Address Verifier, Hash32 Blinded, long Deadline, string Signature, DrawnContribution? Drawn);

/// <summary>An announcement as its owner signed it (Messages.Announce): the guardians draw its verifiers.</summary>
/// <param name="Size">Of all parts together, in bytes.</param>
public sealed record DrawQuestion(Address Asset, Hash32 Contribution, Address Owner, Hash32 PartsRoot, long Size, Hash32 Nonce, long Deadline, string Signature);

/// <summary>What a guardian is asked; exactly one of the two is set.</summary>
public sealed record GuardianQuestion(OprfQuestion? Evaluate, DrawQuestion? Draw);

/// <summary>What shows that a contribution's verifiers were drawn by the asset's guardians.</summary>
/// <param name="CommitteeEpoch">Of the committee whose shares the evaluations were made with.</param>
/// <param name="Evaluations">One of each of t guardians, 97 bytes each, one after the other, base64.</param>
public sealed record DrawProof(uint CommitteeEpoch, string Evaluations);

/// <summary>What the draw was of, and what shows it.</summary>
public sealed record DrawnContribution(Address Owner, Hash32 PartsRoot, DrawProof Proof);

/// <summary>A guardian's answer (Messages.Evaluated). Whether it is right shows its proof.</summary>
/// <param name="CommitteeEpoch">Of the committee whose share it was made with.</param>
/// <param name="Evaluation">Index, element and proof: 97 bytes, base64.</param>
public sealed record OprfAnswer(Address Guardian, uint CommitteeEpoch, string Evaluation, string Signature);
