using System.Text;

namespace Trove.Models.Tokenization;

/// <summary>
/// Text of ids that arrive one by one. Characters whose bytes lie in several tokens are held back until they are whole, so that what is
/// given out, put together, is what <see cref="Tokenizer.Decode"/> gives for all ids. For one thread.
/// </summary>
/// <param name="tokenizer">The tokenizer.</param>
/// <param name="skipSpecial">Leave special tokens out?</param>
public sealed class TokenDecoder(Tokenizer tokenizer, bool skipSpecial = false)
{
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();

    /// <summary>Takes the next id and returns the text that is complete now; may be empty.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such id.</exception>
    public string Add(int id) => skipSpecial && tokenizer.IsSpecial(id) ? "" : Text(tokenizer.Bytes(id), flush: false);

    /// <summary>Ends the text: U+FFFD for what is incomplete, otherwise nothing. The next id begins another text.</summary>
    public string Finish() => Text([], flush: true);

    private string Text(ReadOnlySpan<byte> bytes, bool flush)
    {
        var characters = new char[_decoder.GetCharCount(bytes, flush)];
        return new string(characters, 0, _decoder.GetChars(bytes, characters, flush));
    }
}
