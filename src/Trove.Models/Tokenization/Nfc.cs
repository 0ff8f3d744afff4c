namespace Trove.Models.Tokenization;
internal static class Nfc
{
    public const int MaxGrowth = 3;
    public static string Normalize(string text) => text;
    public static bool IsNormalized(ReadOnlySpan<byte> text) => true;
    public static int Normalize(ReadOnlySpan<byte> text, ref byte[] buffer) => 0;
}
