using Trove.Core;
using Trove.Core.Ceremonies;

namespace Trove.Crypto;

/// <summary>P || proof || hash of all commitments to be dealt (zero for who deals nothing): 128 bytes.</summary>
internal sealed record JoinBody(Hash32 Point, byte[] Proof, Hash32 Opening)
{
    private static readonly int Size = 2 * Hash32.Size + PossessionProof.Size(PossessionProof.OfPoint);

    public static JoinBody? TryParse(ReadOnlySpan<byte> bytes) => bytes.Length == Size
        ? new JoinBody(new Hash32(bytes[..Hash32.Size]), bytes[Hash32.Size..^Hash32.Size].ToArray(), new Hash32(bytes[^Hash32.Size..]))
        : null;

    public byte[] Encode() => [.. Point.ToArray(), .. Proof, .. Opening.ToArray()];
}

/// <summary>
/// t' (1) || n' (1) || C_0 … C_(t'−1) of both keys || one proof for both || the encrypted shares of members 1 … n' of both keys. Lists
/// of both keys are in the order of <see cref="DealtKey.Both"/>.
/// </summary>
internal sealed record DealBody(Hash32[][] Commitments, byte[] Proof, Hash32[][] Shares)
{
    private static readonly int ProofSize = PossessionProof.Size(PossessionProof.OfBoth);

    public static DealBody? TryParse(ReadOnlySpan<byte> bytes)
    {
        int keys = DealtKey.Both.Count;
        if (bytes.Length < 2 || bytes[0] > Committee.MaxGuardians || bytes[1] > Committee.MaxGuardians
            || bytes.Length != 2 + ProofSize + keys * (bytes[0] + bytes[1]) * Hash32.Size)
            return null;
        int end = 2 + keys * bytes[0] * Hash32.Size;
        var shares = Lists(bytes[(end + ProofSize)..], bytes[1]);
        return shares.All(list => Array.TrueForAll(list, s => Edwards25519.IsBelowOrder(s.ToArray())))
            ? new DealBody(Lists(bytes[2..end], bytes[0]), bytes.Slice(end, ProofSize).ToArray(), shares)
            : null;
    }

    public byte[] Encode() =>
        [(byte)Commitments[0].Length, (byte)Shares[0].Length, .. Commitments.SelectMany(l => l).SelectMany(c => c.ToArray()), .. Proof, .. Shares.SelectMany(l => l).SelectMany(s => s.ToArray())];

    private static Hash32[][] Lists(ReadOnlySpan<byte> bytes, int count)
    {
        var lists = new Hash32[DealtKey.Both.Count][];
        for (int l = 0; l < lists.Length; l++)
        {
            lists[l] = new Hash32[count];
            for (int i = 0; i < count; i++)
                lists[l][i] = new Hash32(Batch.Item(bytes, l * count + i));
        }
        return lists;
    }
}

/// <summary>A complaint: i (1) || K_ij (32) || proof (64).</summary>
internal sealed record Complaint(int Dealer, Hash32 Key, byte[] Proof)
{
    public const int Size = 1 + Hash32.Size + DecryptionProof.Size;

    public byte[] Encode() => [(byte)Dealer, .. Key.ToArray(), .. Proof];
}

/// <summary>The number of complaints (1), then each, ascending by dealer.</summary>
internal sealed record CheckBody(IReadOnlyList<Complaint> Complaints)
{
    public static CheckBody? TryParse(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty || bytes[0] > Committee.MaxGuardians || bytes.Length != 1 + bytes[0] * Complaint.Size)
            return null;
        var complaints = new List<Complaint>(bytes[0]);
        for (var rest = bytes[1..]; !rest.IsEmpty; rest = rest[Complaint.Size..])
        {
            int dealer = rest[0];
            if (dealer is < 1 or > Committee.MaxGuardians || (complaints.Count > 0 && complaints[^1].Dealer >= dealer))
                return null;
            complaints.Add(new Complaint(dealer, new Hash32(rest.Slice(1, Hash32.Size)), rest[(1 + Hash32.Size)..Complaint.Size].ToArray()));
        }
        return new CheckBody(complaints);
    }

    public byte[] Encode() => [(byte)Complaints.Count, .. Complaints.SelectMany(c => c.Encode())];
}

/// <summary>Hash of the transcript || proof of possession of s_j and k_j || the member's signature of the committee for the registry: 193 bytes.</summary>
internal sealed record ConfirmBody(Hash32 Transcript, byte[] Proof, byte[] Signature)
{
    private static readonly int Size = Hash32.Size + PossessionProof.Size(PossessionProof.OfBoth) + Secp256k1.SignatureSize;

    public static ConfirmBody? TryParse(ReadOnlySpan<byte> bytes) => bytes.Length == Size
        ? new ConfirmBody(new Hash32(bytes[..Hash32.Size]), bytes[Hash32.Size..^Secp256k1.SignatureSize].ToArray(), bytes[^Secp256k1.SignatureSize..].ToArray())
        : null;

    public byte[] Encode() => [.. Transcript.ToArray(), .. Proof, .. Signature];
}
