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

    private ref struct Output(TokenEncoder encoder, Span<int> ids) : IWords
    {
        public readonly Span<int> Ids = ids;
        public int Count;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(ReadOnlySpan<byte> text, int start, int end)
        {
            int length = end - start;
            if (length > WordCache.MaxWord)
            {
                encoder.NewWord(text[start..end], null, ref this);
                return;
            }
            var key = WordCache.Key(text, start, length);
            if (Ids.Length - Count >= WordCache.MaxTokens && encoder._cache.TryGet(key, out var tokens))
            {
                tokens.StoreUnsafe(ref Unsafe.Add(ref MemoryMarshal.GetReference(Ids), Count)); // those below 0 are overwritten by the next word's
                Count += BitOperations.TrailingZeroCount(tokens.ExtractMostSignificantBits() | (1u << WordCache.MaxTokens));
            }
            else
                encoder.NewWord(text[start..end], key, ref this);
        }

        public void Add(scoped ReadOnlySpan<int> tokens)
        {
            if (!tokens.TryCopyTo(Ids[Count..]))
                throw new ArgumentException($"the destination has room for {Ids.Length} ids, which are too few; MaxTokens says how many are enough");
            Count += tokens.Length;
        }
    }

    /// <summary>Most ids that a text of so many bytes can have, with the template's.</summary>
    public int MaxTokens(int bytes) => checked(bytes * (_tokenizer.Parts.Nfc ? Nfc.MaxGrowth : 1) * (_tokenizer.Parts.PreTokenizer.AddPrefixSpace ? 2 : 1)
        + _tokenizer.Prefix.Length + _tokenizer.Suffix.Length);

    /// <summary>Encodes a text.</summary>
    /// <param name="text">UTF-8. Bytes that are no UTF-8 are encoded too, one by one, unless the tokenizer normalises: then they become U+FFFD.</param>
    /// <param name="destination">Where the ids go; <see cref="MaxTokens"/> are always enough.</param>
    /// <param name="options">What to do besides.</param>
    /// <returns>How many ids; what stands behind them in the destination means nothing.</returns>
    /// <exception cref="ArgumentException">The destination is too short.</exception>
    /// <exception cref="TokenizerException">A byte has no token.</exception>
    public int Encode(ReadOnlySpan<byte> text, Span<int> destination, EncodeOptions options = EncodeOptions.None)
    {
        var output = new Output(this, destination);
        bool template = (options & EncodeOptions.Template) != 0;
        if (template)
            output.Add(_tokenizer.Prefix.AsSpan());
        int special = (options & EncodeOptions.SpecialTokens) != 0 ? 2 : 0;
        AddedTokenFinder raw = _tokenizer.Finders[special], normalized = _tokenizer.Finders[special + 1];
        Sections(text, raw, normalized, ref output);
        if (template)
            output.Add(_tokenizer.Suffix.AsSpan());
        return output.Count;
    }

    private void Sections(ReadOnlySpan<byte> text, AddedTokenFinder raw, AddedTokenFinder normalized, ref Output output)
    {
        int done = 0;
        if (raw.Any)
            for (int from = 0; raw.Next(text, ref from, done, out int start, out int end) is { } token; done = end)
            {
                NormalizedSections(Normalize(text[done..start]), normalized, ref output);
                output.Add([token.Id]);
            }
        NormalizedSections(Normalize(text[done..]), normalized, ref output);
    }

    private void NormalizedSections(ReadOnlySpan<byte> text, AddedTokenFinder finder, ref Output output)
    {
        int done = 0;
        if (finder.Any)
            for (int from = 0; finder.Next(text, ref from, done, out int start, out int end) is { } token; done = end)
            {
                _tokenizer.Parts.PreTokenizer.Cut(text[done..start], ref _spaced, ref output);
                output.Add([token.Id]);
            }
        _tokenizer.Parts.PreTokenizer.Cut(text[done..], ref _spaced, ref output);
    }

    private ReadOnlySpan<byte> Normalize(ReadOnlySpan<byte> text)
    {
        if (!_tokenizer.Parts.Nfc || Nfc.IsNormalized(text))
            return text;
        int length = Nfc.Normalize(text, ref _normalized);
        return _normalized.AsSpan(0, length);
    }

    private void NewWord(ReadOnlySpan<byte> word, Vector256<byte>? key, ref Output output)
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
        output.Add(tokens);
    }
}
