using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Trove.Models.Tokenization;

/// <summary>What an encoder does besides encoding text.</summary>
[Flags]
public enum EncodeOptions
{
    /// <summary>All is text, special tokens' too: for what strangers wrote. Added tokens that are not special are found.</summary>
    None = 0,

    /// <summary>Special tokens in the text are special tokens: only for text that the program itself wrote.</summary>
    SpecialTokens = 1,

    /// <summary>Put the template's ids in front and behind, such as those for beginning and end.</summary>
    Template = 2,
}

/// <summary>Encodes text to ids with a cache and buffers of its own; allocates nothing once they have grown. For one thread.</summary>
public sealed class TokenEncoder
{
    private readonly Tokenizer _tokenizer;
    private readonly WordCache _cache = new();
    private readonly WordMerger _merger;
    private int[] _word = new int[64];
    private byte[] _normalized = [], _spaced = [];

    internal TokenEncoder(Tokenizer tokenizer) => (_tokenizer, _merger) = (tokenizer, new WordMerger(tokenizer.Merges, tokenizer.ByteTokens, tokenizer.RanksOfBytes));

    private ref struct Output(Span<int> ids)
    {
        public readonly Span<int> Ids = ids;
        public int Count;
    }

    /// <summary>Most ids that a text of so many bytes can have, with the template's.</summary>
    public int MaxTokens(int bytes) => checked(bytes * (_tokenizer.Parts.Nfc ? Nfc.MaxGrowth : 1) * (_tokenizer.Parts.PreTokenizer.AddPrefixSpace ? 2 : 1)
        + _tokenizer.Prefix.Length + _tokenizer.Suffix.Length);

    /// <summary>Encodes a text.</summary>
    /// <param name="text">UTF-8. Bytes that are no UTF-8 are encoded too, one by one, unless the tokenizer normalises: then they become U+FFFD.</param>
    /// <param name="destination">Where the ids go; <see cref="MaxTokens"/> are always enough.</param>
    /// <param name="options">What to do besides.</param>
    /// <returns>How many ids.</returns>
    /// <exception cref="ArgumentException">The destination is too short.</exception>
    /// <exception cref="TokenizerException">A byte has no token.</exception>
    public int Encode(ReadOnlySpan<byte> text, Span<int> destination, EncodeOptions options = EncodeOptions.None)
    {
        var output = new Output(destination);
        bool template = (options & EncodeOptions.Template) != 0;
        if (template)
            Add(_tokenizer.Prefix, ref output);
        int special = (options & EncodeOptions.SpecialTokens) != 0 ? 2 : 0;
        AddedTokenFinder raw = _tokenizer.Finders[special], normalized = _tokenizer.Finders[special + 1];
        Sections(text, raw, normalized, ref output);
        if (template)
            Add(_tokenizer.Suffix, ref output);
        return output.Count;
    }

    private void Sections(ReadOnlySpan<byte> text, AddedTokenFinder raw, AddedTokenFinder normalized, ref Output output)
    {
        int done = 0;
        if (raw.Any)
            for (int from = 0; raw.Next(text, ref from, done, out int start, out int end) is { } token; done = end)
            {
                NormalizedSections(Normalize(text[done..start]), normalized, ref output);
                Add([token.Id], ref output);
            }
        NormalizedSections(Normalize(text[done..]), normalized, ref output);
    }

    private void NormalizedSections(ReadOnlySpan<byte> text, AddedTokenFinder finder, ref Output output)
    {
        int done = 0;
        if (finder.Any)
            for (int from = 0; finder.Next(text, ref from, done, out int start, out int end) is { } token; done = end)
            {
                Pieces(text[done..start], 0, ref output);
                Add([token.Id], ref output);
            }
        Pieces(text[done..], 0, ref output);
    }

    private ReadOnlySpan<byte> Normalize(ReadOnlySpan<byte> text) =>
        !_tokenizer.Parts.Nfc || Nfc.IsNormalized(text) ? text : _normalized.AsSpan(0, Nfc.Normalize(text, ref _normalized));

    private void Pieces(ReadOnlySpan<byte> text, int stage, ref Output output)
    {
        if (text.IsEmpty)
            return;
        var cutter = _tokenizer.Parts.PreTokenizer;
        if (stage == cutter.Splits.Length && cutter.AddPrefixSpace && text[0] != ' ')
        {
            if (_spaced.Length <= text.Length)
                _spaced = new byte[checked(text.Length * 2 + 1)];
            _spaced[0] = (byte)' ';
            text.CopyTo(_spaced.AsSpan(1));
            text = _spaced.AsSpan(0, text.Length + 1);
        }
        if (stage == cutter.Stages.Length)
        {
            Word(text, 0, text.Length, ref output);
            return;
        }
        var splitter = cutter.Stages[stage];
        if (stage + 1 == cutter.Stages.Length && (stage >= cutter.Splits.Length || !cutter.AddPrefixSpace))
            for (int start = 0, end; start < text.Length; start = end)
            {
                end = splitter.End(text, start);
                Word(text, start, end, ref output);
            }
        else
            for (int start = 0, end; start < text.Length; start = end)
            {
                end = splitter.End(text, start);
                Pieces(text[start..end], stage + 1, ref output);
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Word(ReadOnlySpan<byte> text, int start, int end, ref Output output)
    {
        int length = end - start;
        if (length <= WordCache.MaxWord)
        {
            var key = WordCache.Key(text, start, length);
            if (output.Ids.Length - output.Count >= WordCache.MaxTokens && _cache.TryGet(key, out var tokens))
            {
                tokens.StoreUnsafe(ref Unsafe.Add(ref MemoryMarshal.GetReference(output.Ids), output.Count));
                output.Count += BitOperations.TrailingZeroCount(tokens.ExtractMostSignificantBits() | (1u << WordCache.MaxTokens));
            }
            else
                NewWord(text[start..end], key, ref output);
        }
        else
            NewWord(text[start..end], null, ref output);
    }

    private void NewWord(ReadOnlySpan<byte> word, (ulong, ulong)? key, ref Output output)
    {
        if (_word.Length < word.Length)
            _word = new int[checked(word.Length * 2)];
        int count;
        if (_tokenizer.Parts.IgnoreMerges && _tokenizer.Tokens.Id(word) is >= 0 and var id)
            (_word[0], count) = (id, 1);
        else
            count = _merger.Merge(word, _word);
        var tokens = _word.AsSpan(0, count);
        if (key is { } cached && count <= WordCache.MaxTokens)
            _cache.Set(cached, tokens);
        Add(tokens, ref output);
    }

    private static void Add(scoped ReadOnlySpan<int> ids, ref Output output)
    {
        if (!ids.TryCopyTo(output.Ids[output.Count..]))
            throw new ArgumentException($"the destination has room for {output.Ids.Length} ids, which are too few; MaxTokens says how many are enough", nameof(output));
        output.Count += ids.Length;
    }
}
