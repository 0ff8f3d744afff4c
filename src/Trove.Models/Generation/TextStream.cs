using Trove.Models.Tokenization;

namespace Trove.Models.Generation;

/// <summary>
/// The text of tokens that arrive one by one, ready to be shown: no part of a character whose bytes are not all there, and nothing of a stop text, even where it lies
/// across tokens. It ends where the first stop text is complete. For one sequence.
/// </summary>
/// <param name="tokenizer">The tokenizer.</param>
/// <param name="stops">Texts that end it; none of them empty.</param>
public sealed class TextStream(Tokenizer tokenizer, params IReadOnlyList<string> stops)
{
    private readonly TokenDecoder _decoder = new(tokenizer, skipSpecial: true);
    private readonly IReadOnlyList<string> _stops = stops.Any(s => s.Length == 0) ? throw new ArgumentException("A stop text without characters would stop everything", nameof(stops)) : stops;
    private string _held = "";

    /// <summary>Whether a stop text came.</summary>
    public bool Stopped { get; private set; }

    /// <summary>Takes a token and returns what can be shown now; may be empty. Ids that only fill up the model's vocabulary have no text.</summary>
    public string Add(int token) => Stopped || token >= tokenizer.VocabularySize ? "" : Take(_decoder.Add(token));

    /// <summary>Ends the text: what was held back, if no stop text came.</summary>
    public string Finish()
    {
        var shown = Stopped ? "" : Take(_decoder.Finish());
        if (!Stopped)
            shown += _held;
        _held = "";
        return shown;
    }

    private string Take(string text)
    {
        // Character by character, so that the first stop text to be complete ends it, however many came at once.
        int from = _held.Length;
        _held += text;
        for (int end = from + 1; end <= _held.Length; end++)
            foreach (var stop in _stops)
                if (_held.AsSpan(0, end).EndsWith(stop, StringComparison.Ordinal))
                {
                    Stopped = true;
                    var shown = _held[..(end - stop.Length)];
                    _held = "";
                    return shown;
                }
        int keep = _stops.Count == 0 ? 0 : _stops.Max(stop => Begun(_held, stop));
        var safe = _held[..^keep];
        _held = _held[^keep..];
        return safe;
    }

    // The longest end of a text that a stop text begins with.
    private static int Begun(string text, string stop)
    {
        for (int length = Math.Min(text.Length, stop.Length - 1); length > 0; length--)
            if (text.AsSpan(text.Length - length).SequenceEqual(stop.AsSpan(0, length)))
                return length;
        return 0;
    }
}
