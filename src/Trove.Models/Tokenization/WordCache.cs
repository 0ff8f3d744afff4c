using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Trove.Models.Tokenization;

/// <summary>The tokens of words met lately: direct-mapped, of fixed size, an entry one line of the processor's cache. For one thread.</summary>
internal sealed class WordCache
{
    /// <summary>Longest word that is kept, in bytes.</summary>
    public const int MaxWord = 31;

    /// <summary>Most tokens of a word that is kept.</summary>
    public const int MaxTokens = 8;

    private const int Bits = 14;

    // At 32 - n there are n bytes of ones, then zeros.
    private static readonly byte[] Masks = [.. Enumerable.Repeat((byte)0xFF, 32), .. new byte[32]];

    private readonly Entry[] _entries = new Entry[1 << Bits];

    // The word's bytes with its length in the last; no word has length 0. Tokens, then -1.
    private struct Entry
    {
        public Vector256<byte> Word;
        public Vector256<int> Tokens;
    }

    /// <summary>A word as a key.</summary>
    /// <param name="text">The text.</param>
    /// <param name="start">Where the word starts.</param>
    /// <param name="length">Its length in bytes, 1 to <see cref="MaxWord"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Key(ReadOnlySpan<byte> text, int start, int length)
    {
        Vector256<byte> bytes;
        if (start + Vector256<byte>.Count <= text.Length)
            bytes = Vector256.LoadUnsafe(ref MemoryMarshal.GetReference(text), (nuint)start) & Vector256.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(Masks), (nuint)(32 - length));
        else
        {
            Span<byte> copy = stackalloc byte[32];
            copy.Clear();
            text.Slice(start, length).CopyTo(copy);
            bytes = Vector256.Create<byte>(copy);
        }
        return (bytes.AsUInt64() | Vector256.Create(0, 0, 0, (ulong)length << 56)).AsByte();
    }

    /// <summary>The tokens of a word, those behind the last below 0; false when it is not there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryGet(Vector256<byte> key, out Vector256<int> tokens)
    {
        ref var entry = ref Slot(key);
        tokens = entry.Tokens;
        return entry.Word == key;
    }

    /// <summary>Keeps a word's tokens, 1 to <see cref="MaxTokens"/> of them, in place of another word's.</summary>
    public void Set(Vector256<byte> key, ReadOnlySpan<int> tokens)
    {
        Span<int> all = stackalloc int[MaxTokens];
        all.Fill(-1);
        tokens.CopyTo(all);
        Slot(key) = new Entry { Word = key, Tokens = Vector256.Create<int>(all) };
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref Entry Slot(Vector256<byte> key)
    {
        var words = key.AsUInt64();
        ulong hash = ByteHash.Of(words[0] ^ words[2], words[1] ^ words[3]);
        return ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_entries), (nint)(hash >> (64 - Bits)));
    }
}
