using System.Buffers.Text;
using System.Text.Unicode;

namespace Trove.Chain.Rpc;

/// <summary>
/// System.Text.Json checks text only when it is read, and then throws InvalidOperationException from wherever that is.
/// Bytes from outside are checked as a whole before they are parsed.
/// </summary>
internal static class JsonText
{
    /// <summary>Are the bytes UTF-8, and do escaped surrogates come in pairs?</summary>
    public static bool IsUnicode(ReadOnlySpan<byte> json)
    {
        if (!Utf8.IsValid(json))
            return false;
        for (int at = json.IndexOf((byte)'\\'); at >= 0; at = json.IndexOf((byte)'\\'))
        {
            json = json[at..];
            bool pair = Escape(json) is >= 0xD800 and <= 0xDBFF && Escape(json[6..]) is >= 0xDC00 and <= 0xDFFF;
            if (!pair && Escape(json) is >= 0xD800 and <= 0xDFFF)
                return false;
            json = json[Math.Min(pair ? 12 : 2, json.Length)..];
        }
        return true;

        static int? Escape(ReadOnlySpan<byte> at) => at.Length >= 6 && at[0] == '\\' && at[1] == 'u'
            && Utf8Parser.TryParse(at.Slice(2, 4), out ushort unit, out int read, 'x') && read == 4 ? unit : null;
    }
}
