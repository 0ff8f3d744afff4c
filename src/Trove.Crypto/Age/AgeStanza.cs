using System.Buffers.Text;
using System.Text;

namespace Trove.Crypto;

/// <summary>One recipient stanza of an age header: the file key, wrapped for one recipient.</summary>
public sealed class AgeStanza
{
    private readonly byte[] _body;

    /// <summary>Of the type, such as <c>X25519</c>, and its arguments, printable ASCII without spaces, and the wrapped file key.</summary>
    internal AgeStanza(IReadOnlyList<string> arguments, byte[] body) => (Arguments, _body) = (arguments, body);

    /// <summary>The first argument.</summary>
    public string Type => Arguments[0];

    /// <summary>All arguments, the type included.</summary>
    public IReadOnlyList<string> Arguments { get; }

    /// <summary>The decoded body.</summary>
    public ReadOnlyMemory<byte> Body => _body;

    /// <summary>Decodes an argument that must be exactly <paramref name="length"/> bytes of canonical base64.</summary>
    /// <exception cref="AgeException"><see cref="AgeFailure.Header"/> for anything else.</exception>
    internal byte[] DecodeArgument(int index, int length) =>
        Base64Strict.TryDecode(Encoding.ASCII.GetBytes(Arguments[index])) is { } bytes && bytes.Length == length
            ? bytes
            : throw new AgeException(AgeFailure.Header, $"argument {index} of the {Type} stanza is not {length} bytes of canonical base64");

    /// <summary>Both implemented types wrap a 16-byte key with a 16-byte tag. Other lengths are refused before decryption,
    /// or one body could be made to open under several keys (age, "partitioning oracle attacks").</summary>
    internal void CheckShape(int argumentCount)
    {
        if (Arguments.Count != argumentCount)
            throw new AgeException(AgeFailure.Header, $"a {Type} stanza has {argumentCount} arguments, this one has {Arguments.Count}");
        if (_body.Length != FileKey.WrappedSize)
            throw new AgeException(AgeFailure.Header, $"the body of the {Type} stanza is {_body.Length} bytes long instead of {FileKey.WrappedSize}");
    }
}

/// <summary>Base64 without padding (RFC 4648 section 4), canonical only: what does not encode back to itself is refused.</summary>
internal static class Base64Strict
{
    /// <summary>The unpadded encoding.</summary>
    public static string Encode(ReadOnlySpan<byte> data) => Convert.ToBase64String(data).TrimEnd('=');

    /// <summary>The bytes, or null.</summary>
    public static byte[]? TryDecode(ReadOnlySpan<byte> text)
    {
        if (text.Length % 4 == 1 || text.Contains((byte)'='))
            return null;
        var padded = new byte[(text.Length + 3) / 4 * 4];
        text.CopyTo(padded);
        padded.AsSpan(text.Length).Fill((byte)'=');
        return TryDecodePadded(padded);
    }

    /// <summary>The bytes of a padded text, or null. .NET skips white space and odd trailing bits; comparing with the encoding does not.</summary>
    public static byte[]? TryDecodePadded(ReadOnlySpan<byte> text)
    {
        var data = new byte[Base64.GetMaxDecodedFromUtf8Length(text.Length)];
        if (Base64.DecodeFromUtf8(text, data, out int consumed, out int written) != System.Buffers.OperationStatus.Done || consumed != text.Length)
            return null;
        var again = new byte[Base64.GetMaxEncodedToUtf8Length(written)];
        Base64.EncodeToUtf8(data.AsSpan(0, written), again, out _, out int length);
        return text.SequenceEqual(again.AsSpan(0, length)) ? data[..written] : null;
    }
}
