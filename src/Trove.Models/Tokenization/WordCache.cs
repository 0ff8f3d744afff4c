using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Trove.Models.Tokenization;

/// <summary>The tokens of words met lately: direct-mapped, of fixed size. For one thread.</summary>
internal sealed class WordCache
{
    /// <summary>Longest word that is kept, in bytes.</summary>
    public const int MaxWord = 15;

    /// <summary>Most tokens of a word that is kept.</summary>
    public const int MaxTokens = 4;

    private const int Bits = 15;

    private readonly Entry[] _entries = new Entry[1 << Bits];

    // The word's bytes with its length in the last; no word has length 0. Tokens, then -1.
    private struct Entry
    {
        public ulong Low, High;
        public Vector128<int> Tokens;
    }

    /// <summary>A word as a key.</summary>
    /// <param name="text">The text.</param>
    /// <param name="start">Where the word starts.</param>
    /// <param name="length">Its length in bytes, 1 to <see cref="MaxWord"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (ulong Low, ulong High) Key(ReadOnlySpan<byte> text, int start, int length)
    {
        ulong low, high;
        if (start + 16 <= text.Length)
        {
            ref byte at = ref Unsafe.Add(ref MemoryMarshal.GetReference(text), start);
            low = Unsafe.ReadUnaligned<ulong>(ref at);
            high = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref at, 8));
        }
        else
        {
            Span<byte> copy = stackalloc byte[16];
            copy.Clear();
            text.Slice(start, length).CopyTo(copy);
            low = MemoryMarshal.Read<ulong>(copy);
            high = MemoryMarshal.Read<ulong>(copy[8..]);
        }
        if (length < 8)
        {
            low &= (1UL << (8 * length)) - 1;
            high = 0;
        }
        else
            high &= (1UL << (8 * (length - 8))) - 1;
        return (low, high | ((ulong)length << 56));
    }

    /// <summary>The tokens of a word, those behind the last below 0; false when it is not there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryGet((ulong Low, ulong High) key, out Vector128<int> tokens)
    {
        ref var entry = ref Slot(key);
        tokens = entry.Tokens;
        return entry.Low == key.Low && entry.High == key.High;
    }

    /// <summary>Keeps a word's tokens, 1 to <see cref="MaxTokens"/> of them, in place of another word's.</summary>
    public void Set((ulong Low, ulong High) key, ReadOnlySpan<int> tokens)
    {
        ref var entry = ref Slot(key);
        (entry.Low, entry.High) = key;
        entry.Tokens = Vector128.Create(tokens[0], tokens.Length > 1 ? tokens[1] : -1, tokens.Length > 2 ? tokens[2] : -1, tokens.Length > 3 ? tokens[3] : -1);
    }

    private ref Entry Slot((ulong Low, ulong High) key) =>
        ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_entries), (nint)(ByteHash.Of(key.Low, key.High) >> (64 - Bits)));
}
