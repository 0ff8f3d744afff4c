using System.Buffers.Binary;
using System.Numerics;

namespace Trove.Core;

/// <summary>
/// Keccak-256 as Ethereum uses it: the Keccak submission's padding (0x01), not SHA3-256's (0x06). The BCL has
/// only the latter, so this permutation (FIPS 202, section 3) is ours. For public data only.
/// </summary>
public static class Keccak256
{
    private const int Rate = 136; // bytes absorbed per permutation: (1600 - 2*256) / 8

    private static readonly ulong[] RoundConstants =
    [
        0x0000000000000001, 0x0000000000008082, 0x800000000000808A, 0x8000000080008000, 0x000000000000808B, 0x0000000080000001,
        0x8000000080008081, 0x8000000000008009, 0x000000000000008A, 0x0000000000000088, 0x0000000080008009, 0x000000008000000A,
        0x000000008000808B, 0x800000000000008B, 0x8000000000008089, 0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
        0x000000000000800A, 0x800000008000000A, 0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
    ];

    private static readonly byte[] Rotations =
        [1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44];

    private static readonly byte[] Lanes =
        [10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1];

    /// <summary>The hash of <paramref name="data"/>.</summary>
    public static Hash32 Hash(ReadOnlySpan<byte> data)
    {
        Span<byte> digest = stackalloc byte[Hash32.Size];
        Hash(data, digest);
        return new Hash32(digest);
    }

    /// <summary>Writes the 32-byte hash of <paramref name="data"/> to <paramref name="digest"/>.</summary>
    public static void Hash(ReadOnlySpan<byte> data, Span<byte> digest)
    {
        Span<ulong> state = stackalloc ulong[25];
        state.Clear();
        for (; data.Length >= Rate; data = data[Rate..])
            Absorb(state, data);
        Span<byte> last = stackalloc byte[Rate];
        last.Clear();
        data.CopyTo(last);
        last[data.Length] = 0x01;
        last[Rate - 1] |= 0x80;
        Absorb(state, last);
        for (int i = 0; i < 4; i++)
            BinaryPrimitives.WriteUInt64LittleEndian(digest[(8 * i)..], state[i]);
    }

    private static void Absorb(Span<ulong> state, ReadOnlySpan<byte> block)
    {
        for (int i = 0; i < Rate / 8; i++)
            state[i] ^= BinaryPrimitives.ReadUInt64LittleEndian(block[(8 * i)..]);
        Permute(state);
    }

    private static void Permute(Span<ulong> s)
    {
        Span<ulong> c = stackalloc ulong[5];
        foreach (ulong constant in RoundConstants)
        {
            for (int x = 0; x < 5; x++)
                c[x] = s[x] ^ s[x + 5] ^ s[x + 10] ^ s[x + 15] ^ s[x + 20];
            for (int x = 0; x < 5; x++)
            {
                ulong d = c[(x + 4) % 5] ^ BitOperations.RotateLeft(c[(x + 1) % 5], 1);
                for (int y = 0; y < 25; y += 5)
                    s[x + y] ^= d;
            }

            ulong moving = s[1];
            for (int i = 0; i < 24; i++)
            {
                ulong next = s[Lanes[i]];
                s[Lanes[i]] = BitOperations.RotateLeft(moving, Rotations[i]);
                moving = next;
            }

            for (int y = 0; y < 25; y += 5)
            {
                ulong s0 = s[y], s1 = s[y + 1];
                s[y] ^= ~s1 & s[y + 2];
                s[y + 1] ^= ~s[y + 2] & s[y + 3];
                s[y + 2] ^= ~s[y + 3] & s[y + 4];
                s[y + 3] ^= ~s[y + 4] & s0;
                s[y + 4] ^= ~s0 & s1;
            }
            s[0] ^= constant;
        }
    }
}
