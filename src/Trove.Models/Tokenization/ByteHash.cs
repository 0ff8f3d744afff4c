using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Trove.Models.Tokenization;

/// <summary>
/// Hashes for the tables of this folder. Their keys come from strangers, so that the multipliers are this process's own: nobody can
/// make keys that all fall on one slot. Nothing but places in tables hangs on them.
/// </summary>
internal static class ByteHash
{
    private static readonly ulong First = Secret(), Second = Secret();

    /// <summary>A hash of two words; its high bits are the good ones.</summary>
    public static ulong Of(ulong low, ulong high)
    {
        ulong upper = Math.BigMul(low ^ First, high ^ Second, out ulong lower);
        return (upper ^ lower) * First;
    }

    /// <summary>A hash of one word; its high bits are the good ones.</summary>
    public static ulong Of(ulong word) => (word ^ (word >> 29)) * First;

    /// <summary>A hash of bytes; its high bits are the good ones.</summary>
    public static ulong Of(ReadOnlySpan<byte> bytes)
    {
        ulong hash = (ulong)bytes.Length;
        for (; bytes.Length >= 8; bytes = bytes[8..])
            hash = Of(hash, MemoryMarshal.Read<ulong>(bytes));
        ulong last = 0;
        for (int i = 0; i < bytes.Length; i++)
            last |= (ulong)bytes[i] << (8 * i);
        return Of(hash, last);
    }

    /// <summary>How far to shift a hash for a table of a power of two slots, of at least so many and twice as many as keys.</summary>
    public static int Shift(int keys, out int slots)
    {
        slots = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, checked(keys * 2)));
        return 64 - BitOperations.Log2((uint)slots);
    }

    private static ulong Secret() => MemoryMarshal.Read<ulong>(RandomNumberGenerator.GetBytes(sizeof(ulong))) | 1;
}
