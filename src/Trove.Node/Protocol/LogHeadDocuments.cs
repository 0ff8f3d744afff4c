using Trove.Chain.Bindings;
using Trove.Core;
using Trove.Crypto;

namespace Trove.Node.Protocol;

/// <summary>A guardian publishes the head of its log (specs/custody.md), signed as <see cref="Messages.LogHead"/>.</summary>
/// <param name="Chain">Number of the log's chain, from 1.</param>
/// <param name="Count">Entries of the chain.</param>
/// <param name="Head">SHA-256 of the last entry's line.</param>
/// <param name="Time">Milliseconds since 1970 at which it was signed.</param>
public sealed record LogHeadRequest(uint Chain, ulong Count, Hash32 Head, long Time, string Signature);

/// <summary>A head that a guardian published.</summary>
/// <param name="Contradicts">There is another head that this guardian signed for the same number of entries: the two are the proof that it keeps two logs.</param>
public sealed record LogHeadInfo(Address Guardian, uint Chain, ulong Count, Hash32 Head, long Time, string Signature, bool Contradicts)
{
    /// <summary>Is it this guardian's head, and its signature right?</summary>
    public bool IsSignedBy(Address guardian, ulong chainId)
    {
        var signature = new byte[65];
        return Guardian == guardian && Time >= 0 && Hex.TryDecode(Signature, signature) && Secp256k1.Recover(Messages.LogHead(chainId, guardian, Chain, Count, Head, Time), signature) == guardian;
    }

    /// <summary>Does nobody sign both who keeps one log? (Stakes.showTwoLogHeads)</summary>
    public bool IsOfAnotherLogThan(LogHeadInfo other) => (Guardian, Chain, Count) == (other.Guardian, other.Chain, other.Count) && Head != other.Head;

    /// <summary>As the contract takes it.</summary>
    public LogHead ToAbi() => new(Guardian, Chain, Count, Head, (ulong)Time);
}
