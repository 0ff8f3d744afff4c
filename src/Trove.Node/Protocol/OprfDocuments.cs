using Trove.Core;

namespace Trove.Node.Protocol;

// The documents of evaluations (specs/custody.md, "Nullifiers nobody can guess"); see Documents.cs.

/// <summary>A verifier has the guardians evaluate one element (Messages.Evaluate).</summary>
/// <param name="Contribution">For which contribution it is; zero for the key of record tags.</param>
/// <param name="Blinded">An element of ristretto255, which says nothing of what is asked.</param>
public sealed record OprfQuestion(Address Asset, Hash32 Contribution, Address Verifier, Hash32 Blinded, long Deadline, string Signature);

/// <summary>A guardian's answer (Messages.Evaluated). Whether it is right shows its proof.</summary>
/// <param name="CommitteeEpoch">Of the committee whose share it was made with.</param>
/// <param name="Evaluation">Index, element and proof: 97 bytes, base64.</param>
public sealed record OprfAnswer(Address Guardian, uint CommitteeEpoch, string Evaluation, string Signature);
