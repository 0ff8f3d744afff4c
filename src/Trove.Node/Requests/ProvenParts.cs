using System.Security.Cryptography;
using Trove.Core;
using Trove.Crypto;

namespace Trove.Node.Requests;

/// <summary>
/// Parts whose proof of knowledge was checked: a proof, some five multiplications, is checked once and not for each use. What holds
/// for one contribution, owner and header is kept for exactly these. Bounded; who comes first goes first. For one thread.
/// </summary>
public sealed class ProvenParts(int max = ProvenParts.Max)
{
    /// <summary>How many are kept, some 15 MB: four of the largest uses.</summary>
    public const int Max = 4 * InputsChecker.MaxParts;

    private readonly Dictionary<Hash32, ProvenPoint> _points = [];
    private readonly Queue<Hash32> _order = [];

    /// <summary>How many proofs were checked, and not found here.</summary>
    public long Checked { get; private set; }

    /// <summary>How many are kept.</summary>
    public int Count => _points.Count;

    /// <summary>The point of a part, as <see cref="ProvenPoint.Check"/> gives it.</summary>
    /// <exception cref="ThresholdException">As there. Nothing is kept of what does not hold.</exception>
    public ProvenPoint Check(ReadOnlySpan<byte> proof, Hash32 ephemeralShare, ReadOnlySpan<byte> context)
    {
        // Of the claim in full: its context is the last and the only one whose length may differ.
        Span<byte> name = stackalloc byte[Hash32.Size];
        using (var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256))
        {
            hash.AppendData(proof);
            hash.AppendData(ephemeralShare.ToArray());
            hash.AppendData(context);
            hash.GetHashAndReset(name);
        }
        var key = new Hash32(name);
        if (_points.TryGetValue(key, out var known))
            return known;
        Checked++;
        var point = ProvenPoint.Check(proof, ephemeralShare, context);
        if (_order.Count == max)
            _points.Remove(_order.Dequeue());
        _points.Add(key, point);
        _order.Enqueue(key);
        return point;
    }
}
