using Trove.Core;

namespace Trove.Node.Protocol;

// The documents of ceremonies; see Documents.cs.

/// <summary>A founder has the guardians of an asset-to-be make its key (Messages.StartCeremony).</summary>
/// <param name="Salt">That of the asset: with the founder it leads to the registry that the key is for.</param>
/// <param name="Threshold">How many of the guardians decrypt together.</param>
/// <param name="Nonce">That of the terms: each attempt has a fresh one.</param>
public sealed record CeremonyRequest(Address Founder, Hash32 Salt, IReadOnlyList<Address> Guardians, uint Threshold, Hash32 Nonce, long Deadline, string Signature);

/// <summary>A ceremony as its coordinator knows it (specs/custody.md). Guardians believe none of it: they check terms, messages and closings themselves.</summary>
/// <param name="Id">That of the terms.</param>
/// <param name="Terms">Canonical bytes, base64.</param>
/// <param name="Founder">Who asked for a creation; null for a change, which the owners voted for.</param>
/// <param name="Signature">The founder's, over StartCeremony.</param>
/// <param name="State"><c>open</c>, <c>done</c> or <c>failed</c>.</param>
/// <param name="Round"><c>join</c>, <c>deal</c>, <c>check</c> or <c>confirm</c>.</param>
/// <param name="Failure">Why there is no result.</param>
/// <param name="Findings">Who did what wrong.</param>
/// <param name="Messages">All that were taken, in order, base64; none in a list.</param>
/// <param name="Closings">What rounds were closed with, base64; none in a list.</param>
/// <param name="Result">What came of it; null unless it is done.</param>
public sealed record CeremonyInfo(Hash32 Id, string Terms, Address? Founder, Hash32? Salt, long? Deadline, string? Signature, string State, string Round, string? Failure,
    IReadOnlyList<CeremonyFindingInfo> Findings, IReadOnlyList<string> Messages, IReadOnlyList<string> Closings, CeremonyResult? Result);

/// <summary>What a guardian did, as the coordinator saw it; no part of what is confirmed.</summary>
/// <param name="Fault"><c>silent</c>, <c>left-out</c>, <c>equivocation</c>, <c>form</c>, <c>point</c>, <c>proof</c>, <c>opening</c>, <c>other-secret</c>, <c>wrong-share</c>,
/// <c>false-complaint</c>, <c>other-transcript</c> or <c>signature</c>.</param>
public sealed record CeremonyFindingInfo(string Round, Address Guardian, string Fault);

/// <summary>The keys that a ceremony made, confirmed by every new guardian.</summary>
/// <param name="Recipient">age recipient of the asset.</param>
/// <param name="Commitments">Of the custody key, in order of guardians.</param>
/// <param name="OprfCommitments">Of the key of nullifiers, in order of guardians.</param>
/// <param name="Confirmations">Each guardian's signature over the registry's Committee, in order.</param>
public sealed record CeremonyResult(Hash32 Transcript, string Recipient, IReadOnlyList<Hash32> Commitments, IReadOnlyList<Hash32> OprfCommitments, IReadOnlyList<string> Confirmations);

/// <summary>A guardian's signed message of one round.</summary>
/// <param name="Message">Encoded, base64.</param>
public sealed record CeremonyMessageRequest(string Message);
