using Trove.Crypto;

namespace Trove.Tests.Crypto;

/// <summary>A pseudorandom function whose key was dealt to some guardians.</summary>
internal sealed class SharedFunction : IDisposable
{
    public SharedFunction(int threshold, int guardians)
    {
        using var dealt = AssetKey.Deal(threshold, guardians); // the same polynomial; the commitments are other ones
        Shares = [.. dealt.Shares.Select(share => OprfShare.FromScalar(share.Index, threshold, share.Scalar.Span))];
        Key = OprfKey.Create(threshold, [.. Shares.Select(s => s.Commitment)]);
    }

    public OprfKey Key { get; }

    public IReadOnlyList<OprfShare> Shares { get; }

    public void Dispose()
    {
        foreach (var share in Shares)
            share.Dispose();
    }
}
