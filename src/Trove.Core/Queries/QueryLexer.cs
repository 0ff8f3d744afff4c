using System.Globalization;
using System.Text;

namespace Trove.Core.Queries;

internal enum TokenKind { Name, Integer, Text, Symbol, End }

/// <summary>A piece of a query.</summary>
/// <param name="Text">The name or symbol as written, the digits, or the literal without its quotes.</param>
/// <param name="Position">The character it starts at, from 1.</param>
internal readonly record struct Token(TokenKind Kind, string Text, int Position)
{
    /// <summary>Is it this symbol, or this word in any case?</summary>
    public bool Is(string text) => Kind is TokenKind.Name or TokenKind.Symbol && Text.Equals(text, StringComparison.OrdinalIgnoreCase);

    /// <summary>The token for messages: short and ASCII, because it was written by a stranger.</summary>
    public string Shown => Kind switch
    {
        TokenKind.End => "the end of the query",
        TokenKind.Text => "a text in quotes",
        _ => $"\"{(Text.Length <= 40 ? Text : Text[..40] + "...")}\"",
    };
}

/// <summary>Cuts a query into tokens. Outside of quoted texts it knows a few ASCII characters; all others are refused.</summary>
internal sealed class QueryLexer(string text)
{
    private int _at;

    /// <summary>The next token.</summary>
    /// <exception cref="QuerySyntaxException">A character that no query has, or a literal that does not end.</exception>
    public Token Next()
    {
        while (_at < text.Length && text[_at] is ' ' or '\t' or '\r' or '\n')
            _at++;
        int start = _at;
        if (start == text.Length)
            return new Token(TokenKind.End, "", start + 1);
        char first = text[start];
        if (char.IsAsciiLetter(first) || first == '_')
            return Take(TokenKind.Name, RunEnd(start) - start);
        if (char.IsAsciiDigit(first))
        {
            int end = RunEnd(start);
            if (text.AsSpan(start, end - start).ContainsAnyExceptInRange('0', '9') || (end < text.Length && text[end] == '.'))
                throw Refused("a number that is not a plain integer", "digits only");
            return Take(TokenKind.Integer, end - start);
        }
        if (first == '\'')
            return Literal();
        if (first is '<' or '>' && start + 1 < text.Length && (text[start + 1] == '=' || (first == '<' && text[start + 1] == '>')))
            return Take(TokenKind.Symbol, 2);
        if (first is '(' or ')' or ',' or '*' or '=' or '<' or '>')
            return Take(TokenKind.Symbol, 1);
        throw first switch
        {
            ';' => Refused("\";\"", "one statement without a semicolon"),
            '"' or '`' or '[' => Refused($"{(first == '"' ? "a double quote" : $"\"{first}\"")}", "names without quotes, texts in single quotes"),
            '-' when Follows('-') => Refused("a comment", "no comments"),
            '/' when Follows('*') => Refused("a comment", "no comments"),
            '-' => Refused("\"-\"", "integers from 0 up: no number of a record is negative"),
            ':' when Follows(':') => Refused("a cast", "no casts"),
            '!' => Refused("\"!\"", "<> for \"is not\""),
            _ => Refused(Show(start), "letters, digits, quoted texts and ( ) , * = < >"),
        };
    }

    private Token Literal()
    {
        int start = _at;
        var value = new StringBuilder();
        for (int i = start + 1; i < text.Length; i++)
        {
            if (text[i] != '\'')
            {
                value.Append(text[i]);
                continue;
            }
            if (i + 1 == text.Length || text[i + 1] != '\'')
            {
                _at = i + 1;
                return new Token(TokenKind.Text, value.ToString(), start + 1);
            }
            value.Append('\'');
            i++;
        }
        throw Refused("a text that does not end", "a closing single quote (a quote inside is written twice)");
    }

    private int RunEnd(int from)
    {
        while (from < text.Length && (char.IsAsciiLetterOrDigit(text[from]) || text[from] == '_'))
            from++;
        return from;
    }

    private Token Take(TokenKind kind, int length)
    {
        int start = _at;
        _at += length;
        return new Token(kind, text.Substring(start, length), start + 1);
    }

    private bool Follows(char next) => _at + 1 < text.Length && text[_at + 1] == next;

    private string Show(int at)
    {
        if (text[at] is > ' ' and < '\u007f')
            return $"\"{text[at]}\"";
        Rune.DecodeFromUtf16(text.AsSpan(at), out var rune, out _);
        return $"U+{rune.Value.ToString("X4", CultureInfo.InvariantCulture)}";
    }

    private QuerySyntaxException Refused(string found, string allowed) => new(_at + 1, found, allowed);
}
