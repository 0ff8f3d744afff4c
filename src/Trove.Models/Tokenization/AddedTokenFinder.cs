using System.Buffers;
using System.Text;

namespace Trove.Models.Tokenization;

/// <summary>Finds added tokens in a text: the leftmost, and of those that start there the longest.</summary>
internal sealed class AddedTokenFinder
{
    private readonly Dictionary<(int Node, byte Next), int> _trie = []; // node 0 is the root
    private readonly Dictionary<int, AddedToken> _ends = [];
    private readonly SearchValues<byte> _firsts;

    /// <param name="tokens">With the text to look for.</param>
    public AddedTokenFinder(IEnumerable<(string Content, AddedToken Token)> tokens)
    {
        var firsts = new HashSet<byte>();
        foreach (var (content, token) in tokens)
        {
            int node = 0;
            var bytes = Encoding.UTF8.GetBytes(content);
            foreach (byte b in bytes)
            {
                if (!_trie.TryGetValue((node, b), out int next))
                    _trie[(node, b)] = next = _trie.Count + 1;
                node = next;
            }
            _ends.TryAdd(node, token);
            firsts.Add(bytes[0]);
        }
        _firsts = SearchValues.Create([.. firsts]);
    }

    /// <summary>Are there any tokens to find?</summary>
    public bool Any => _ends.Count > 0;

    /// <summary>The next token at <paramref name="from"/> or later; null when there is none. It may reach beyond its own characters.</summary>
    /// <param name="text">UTF-8.</param>
    /// <param name="from">Where to start; becomes the end of the token's own characters.</param>
    /// <param name="taken">Up to where white space is taken already.</param>
    /// <param name="start">Where the token starts, with the white space it takes along.</param>
    /// <param name="end">Where it ends, likewise.</param>
    public AddedToken? Next(ReadOnlySpan<byte> text, ref int from, int taken, out int start, out int end)
    {
        while (from < text.Length)
        {
            int skip = text[from..].IndexOfAny(_firsts);
            if (skip < 0)
                break;
            start = from + skip;
            if (Longest(text, start, out end) is not { } token)
            {
                from = start + 1;
                continue;
            }
            from = end;
            if (token.SingleWord && ((start > 0 && IsWord(CharacterClasses.Before(text, start, out _))) || (end < text.Length && IsWord(CharacterClasses.At(text, end, out _)))))
                continue;
            if (token.LeftStrip)
                while (start > taken && (CharacterClasses.Before(text, start, out int length) & CharacterClass.Space) != 0)
                    start -= length;
            if (token.RightStrip)
                while (end < text.Length && (CharacterClasses.At(text, end, out int length) & CharacterClass.Space) != 0)
                    end += length;
            (start, end) = (Math.Max(start, taken), Math.Max(end, taken)); // white space that the token before took may hold another
            return token;
        }
        (from, start, end) = (text.Length, text.Length, text.Length);
        return null;
    }

    private static bool IsWord(CharacterClass kind) => (kind & CharacterClass.Word) != 0;

    private AddedToken? Longest(ReadOnlySpan<byte> text, int start, out int end)
    {
        AddedToken? longest = null;
        end = start;
        for (int at = start, node = 0; at < text.Length && _trie.TryGetValue((node, text[at]), out node); at++)
            if (_ends.TryGetValue(node, out var token))
                (longest, end) = (token, at + 1);
        return longest;
    }
}
