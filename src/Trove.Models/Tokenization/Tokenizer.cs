using System.Collections.Immutable;
using System.Text;

namespace Trove.Models.Tokenization;

/// <summary>
/// A byte-level byte pair encoding: text to ids and back, without loss for any bytes. Immutable; any number of threads may share one.
/// Files are those of Hugging Face (<c>tokenizer.json</c>); see specs/tokenizer.md for which.
/// </summary>
public sealed class Tokenizer
{
    private readonly Dictionary<string, int> _addedByContent;
    private readonly ImmutableArray<AddedToken?> _addedById;

    internal Tokenizer(TokenizerParts parts)
    {
        Parts = parts;
        _addedByContent = parts.Added.ToDictionary(t => t.Content, t => t.Id, StringComparer.Ordinal);
        var addedById = new AddedToken?[parts.Tokens.Count];
        foreach (var token in parts.Added)
            addedById[token.Id] = token;
        _addedById = [.. addedById];
        Tokens = new TokenTable(parts.Tokens, id => parts.InModel[id] && addedById[id] is null);
        Merges = new MergeTable(parts.Merges);
        ByteTokens = new int[256];
        for (int b = 0; b < 256; b++)
            ByteTokens[b] = Tokens.Id([(byte)b]) is >= 0 and var id ? id : parts.Unknown ?? -1;
        RanksOfBytes = WordMerger.RanksOfBytes(Merges, ByteTokens);
        Finders = new AddedTokenFinder[4];
        for (int i = 0; i < Finders.Length; i++)
        {
            bool normalized = (i & 1) != 0, special = (i & 2) != 0;
            Finders[i] = new AddedTokenFinder(parts.Added.Where(t => t.Normalized == normalized && (special || !t.Special))
                .Select(t => (normalized && parts.Nfc ? Nfc.Normalize(t.Content) : t.Content, t)));
        }
    }

    /// <summary>Ids are from 0 to one less than this.</summary>
    public int VocabularySize => Tokens.Count;

    /// <summary>Tokens that are found in the text as they stand, by id.</summary>
    public IReadOnlyList<AddedToken> AddedTokens => Parts.Added;

    /// <summary>Ids put in front of a text by <see cref="EncodeOptions.Template"/>.</summary>
    public ImmutableArray<int> Prefix => Parts.Prefix;

    /// <summary>Ids put behind a text by <see cref="EncodeOptions.Template"/>.</summary>
    public ImmutableArray<int> Suffix => Parts.Suffix;

    internal TokenizerParts Parts { get; }

    internal TokenTable Tokens { get; }

    internal MergeTable Merges { get; }

    internal int[] ByteTokens { get; }

    internal uint[] RanksOfBytes { get; }

    internal AddedTokenFinder[] Finders { get; }

    /// <summary>Reads a <c>tokenizer.json</c>.</summary>
    /// <exception cref="TokenizerException">It is none, or of a kind that is not supported; nothing that encodes otherwise than its makers meant is taken.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static Tokenizer Load(string path)
    {
        using var file = File.OpenRead(path);
        if (file.Length > TokenizerJsonReader.MaxFile)
            throw new TokenizerException($"{path}: {file.Length} bytes are more than a tokenizer may have ({TokenizerJsonReader.MaxFile})");
        var json = new byte[file.Length];
        file.ReadExactly(json);
        return Read(json, path);
    }

    /// <summary>Reads the content of a <c>tokenizer.json</c>.</summary>
    /// <param name="json">UTF-8.</param>
    /// <param name="name">What messages call it.</param>
    /// <exception cref="TokenizerException">As <see cref="Load"/>.</exception>
    public static Tokenizer Read(ReadOnlyMemory<byte> json, string name = "tokenizer.json") => TokenizerJsonReader.Read(json, name);

    /// <summary>Writes a <c>tokenizer.json</c>: the same tokenizer gives the same bytes.</summary>
    public void Write(Stream output) => TokenizerJsonWriter.Write(Parts, output);

    /// <summary>The same tokenizer with other ids put around a text by <see cref="EncodeOptions.Template"/>.</summary>
    /// <param name="prefix">Ids in front.</param>
    /// <param name="suffix">Ids behind.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such id.</exception>
    public Tokenizer WithTemplate(ImmutableArray<int> prefix, ImmutableArray<int> suffix)
    {
        foreach (int id in prefix.Concat(suffix))
            Bytes(id);
        return new Tokenizer(Parts with { Prefix = prefix, Suffix = suffix });
    }

    /// <summary>The bytes that an id stands for; an added token's are its content.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such id.</exception>
    public ReadOnlySpan<byte> Bytes(int id)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)id, (uint)VocabularySize, nameof(id));
        return Tokens.Bytes(id);
    }

    /// <summary>The id of an added token's content; null when there is none.</summary>
    public int? AddedId(string content) => _addedByContent.TryGetValue(content, out int id) ? id : null;

    /// <summary>Is the id a special token's?</summary>
    public bool IsSpecial(int id) => (uint)id < (uint)_addedById.Length && _addedById[id] is { Special: true };

    /// <summary>An encoder, for one thread. It holds memory of its own (about 1 MB): make one and use it often.</summary>
    public TokenEncoder CreateEncoder() => new(this);

    /// <summary>Encodes one text; for many, <see cref="CreateEncoder"/> is faster.</summary>
    /// <exception cref="TokenizerException">A byte has no token.</exception>
    public int[] Encode(string text, EncodeOptions options = EncodeOptions.None)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var encoder = CreateEncoder();
        var tokens = new int[encoder.MaxTokens(bytes.Length)];
        return tokens[..encoder.Encode(bytes, tokens, options)];
    }

    /// <summary>The bytes of ids, one behind the other.</summary>
    /// <param name="ids">Ids.</param>
    /// <param name="skipSpecial">Leave special tokens out?</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such id.</exception>
    public byte[] DecodeBytes(ReadOnlySpan<int> ids, bool skipSpecial = false)
    {
        int length = 0;
        foreach (int id in ids)
            length = checked(length + (skipSpecial && IsSpecial(id) ? 0 : Bytes(id).Length));
        var bytes = new byte[length];
        var rest = bytes.AsSpan();
        foreach (int id in ids)
            if (!(skipSpecial && IsSpecial(id)))
            {
                Tokens.Bytes(id).CopyTo(rest);
                rest = rest[Tokens.Bytes(id).Length..];
            }
        return bytes;
    }

    /// <summary>The text of ids; bytes that are no UTF-8 become U+FFFD. For ids that arrive one by one see <see cref="TokenDecoder"/>.</summary>
    /// <inheritdoc cref="DecodeBytes"/>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecial = false) => Encoding.UTF8.GetString(DecodeBytes(ids, skipSpecial));
}
