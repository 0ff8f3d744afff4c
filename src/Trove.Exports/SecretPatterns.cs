using System.Buffers;

namespace Trove.Exports;

/// <summary>Finds credentials: what is given after words like "password", keys that say by their first letters what they are, and private keys in PEM.</summary>
internal static class SecretPatterns
{
    private const int LeastKey = 16, MostSecret = 512, MostGap = 4;
    private const string PemEnd = "-----END";

    // What introduces one, before a colon, an equals sign or "is".
    private static readonly string[] Words = ["password", "passwort", "passwd", "passphrase", "contraseña", "mot de passe", "api key", "api_key", "apikey", "secret key", "access key", "access_token", "client_secret", "pin code", "pincode"];

    // The first letters of keys whose issuers marked them so that they are found.
    private static readonly string[] Keys = ["sk-", "sk_live_", "rk_live_", "ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "xoxa-", "AKIA", "ASIA", "AIza", "eyJ", "AGE-SECRET-KEY-1", "hf_"];

    private static readonly SearchValues<string> AnyWord = SearchValues.Create(Words, StringComparison.OrdinalIgnoreCase);
    private static readonly SearchValues<string> AnyKey = SearchValues.Create(Keys, StringComparison.Ordinal);
    private static readonly SearchValues<char> Blank = SearchValues.Create(" \t\r\n\u00A0\"'`<>");
    private static readonly SearchValues<char> KeyCharacters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.=+/");

    public static void Find(string text, List<RedactionSpan> spans)
    {
        Introduced(text, spans);
        Marked(text, spans);
        Pem(text, spans);
    }

    private static void Introduced(string text, List<RedactionSpan> spans)
    {
        for (int at = 0; at < text.Length;)
        {
            int found = text.AsSpan(at).IndexOfAny(AnyWord);
            if (found < 0)
                return;
            int word = at + found;
            int after = word + Words.Where(w => text.AsSpan(word).StartsWith(w, StringComparison.OrdinalIgnoreCase)).Max(w => w.Length);
            at = after;
            int next = SkipBlanks(text, after);
            if (next < text.Length && text[next] is ':' or '=')
                next = SkipBlanks(text, next + 1);
            else if (next > after && text.AsSpan(next).StartsWith("is ", StringComparison.OrdinalIgnoreCase))
                next = SkipBlanks(text, next + 3);
            else
                continue;
            int length = next < text.Length ? text.AsSpan(next, Math.Min(MostSecret, text.Length - next)).IndexOfAny(Blank) : 0;
            int end = length < 0 ? Math.Min(text.Length, next + MostSecret) : next + length;
            if (end <= next)
                continue;
            spans.Add(new RedactionSpan(next, end - next, "secret"));
            at = end;
        }
    }

    private static int SkipBlanks(string text, int at)
    {
        int end = Math.Min(text.Length, at + MostGap);
        while (at < end && Blank.Contains(text[at]))
            at++;
        return at;
    }

    private static void Marked(string text, List<RedactionSpan> spans)
    {
        for (int at = 0; at < text.Length;)
        {
            int found = text.AsSpan(at).IndexOfAny(AnyKey);
            if (found < 0)
                return;
            int start = at + found;
            int length = text.AsSpan(start).IndexOfAnyExcept(KeyCharacters);
            int end = length < 0 ? text.Length : start + length;
            at = Math.Max(end, start + 1);
            bool stands = start == 0 || !char.IsLetterOrDigit(text[start - 1]);
            var key = text.AsSpan(start, end - start).TrimEnd(".");
            if (stands && key.Length >= LeastKey && key.ContainsAnyInRange('0', '9'))
                spans.Add(new RedactionSpan(start, key.Length, "secret"));
        }
    }

    private static void Pem(string text, List<RedactionSpan> spans)
    {
        const string begin = "-----BEGIN ";
        for (int at = 0; (at = text.IndexOf(begin, at, StringComparison.Ordinal)) >= 0;)
        {
            int line = text.AsSpan(at, Math.Min(80, text.Length - at)).IndexOf("PRIVATE KEY", StringComparison.Ordinal);
            if (line < 0)
            {
                at += begin.Length;
                continue;
            }
            int end = text.IndexOf(PemEnd, at, StringComparison.Ordinal);
            int stop = end < 0 ? text.Length : end;
            spans.Add(new RedactionSpan(at, stop - at, "secret"));
            at = stop;
        }
    }
}
