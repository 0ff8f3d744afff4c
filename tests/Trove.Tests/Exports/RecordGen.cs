using FsCheck;
using FsCheck.Fluent;
using Trove.Exports;
using Record = Trove.Exports.Record;

namespace Trove.Tests.Exports;

/// <summary>Random records with texts that are hard to write and to cut.</summary>
internal static class RecordGen
{
    private static readonly Gen<string> Piece = Gen.Elements(
        "word", "two words", " ", "\"", "\\", "/", "\n", "\r", "\t", "\0", "\u001f", "\u007f", "\u2028", "é", "漢", "😀", "\uFFFD", "'", "don't",
        "me@example.org", "+44 20 7946 0958", "https://example.org/a?b", "192.0.2.1", "2001:db8::1", "[redacted:mail:0123abcd]", "[redacted:", "]", "Ann");

    public static readonly Gen<string> Text = Gen.Choose(0, 8).SelectMany(count => Piece.ListOf(count)).Select(pieces => string.Concat(pieces));

    public static readonly Gen<Record> Any =
        from kind in Gen.Elements(Enum.GetValues<RecordKind>())
        from own in Gen.Elements(true, false)
        from time in Gen.Elements<long?>(null, 1, 1681758131000, RecordRules.FirstTime, RecordRules.LastTime)
        from texts in Text.ListOf(6)
        from keys in Text.Where(key => key.Length is > 0 and <= RecordRules.MetaKey).ListOf(2)
        select new Record
        {
            Platform = "reddit",
            Kind = kind,
            Own = own,
            Time = time,
            Id = texts[0],
            Thread = texts[1],
            Author = texts[2],
            Title = texts[3],
            Text = texts[4],
            Url = texts[5],
            Meta = keys.Distinct().Aggregate(Metadata.Empty, (meta, key) => meta.SetItem(key, texts[0])),
        };
}
