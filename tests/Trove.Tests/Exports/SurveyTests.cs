using System.Globalization;
using System.Text.Json;
using Trove.Exports;
using Record = Trove.Exports.Record;

namespace Trove.Tests.Exports;

public class SurveyTests
{
    private static Record Note(string text, int year = 2021, int month = 5, bool own = true) => new()
    {
        Platform = "x", Kind = RecordKind.Note, Text = text, Own = own, Author = own ? "me" : "Ben",
        Time = year == 0 ? null : new DateTimeOffset(year, month, 3, 0, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds(),
    };

    [Fact]
    public void What_is_in_it_is_counted_by_month_kind_and_class()
    {
        var survey = new Survey();
        survey.Add(Note("heron heron tide and the marsh, write to a@b.example or c@d.example"));
        survey.Add(Note("a tide, tide, heron: call +49 170 1234567", 2021, 6));
        survey.Add(Note("gannet gannet gannet", 0, own: false));
        Assert.Equal([(2021, 5, 1L), (2021, 6, 1L)], survey.Months);
        var kind = Assert.Single(survey.Kinds);
        Assert.Equal((RecordKind.Note, 2L, 1L), (kind.Kind, kind.Own, kind.Other));
        Assert.Equal(3, kind.OtherWords);
        Assert.Equal(["heron", "tide"], kind.Words.Take(2));
        Assert.DoesNotContain("gannet", kind.Words); // others' words are not what one uses
        Assert.DoesNotContain("the", kind.Words);
        Assert.Equal([("mail", 2L, 1L), ("person", 1L, 1L), ("phone", 1L, 1L)], survey.Sensitive);
        Assert.Empty(survey.Parts);
    }

    [Fact]
    public void What_would_be_sent_is_what_parts_would_hold()
    {
        var (survey, redaction) = (new Survey(), new Redaction(RedactionClasses.All, ExportFixture.Key));
        var records = new[] { Note("one two a@b.example"), Note("three", 2022), Note("four", 2022, own: false) }.Select(redaction.Apply).ToList();
        records.ForEach(survey.AddSent);
        var streams = new Dictionary<PartKey, MemoryStream>();
        using var writer = new PartWriter(key => streams[key] = new MemoryStream());
        records.ForEach(writer.Add);
        Assert.Equal(writer.Complete().Select(p => (p.Key, p.Records, p.OwnWords)), survey.Parts.Select(p => (p.Part, p.Records, p.OwnWords)));
        Assert.Equal(streams.OrderBy(s => s.Key).Select(s => PartReader.Read(s.Key, new MemoryStream(s.Value.ToArray())).Sum(r => (long)RecordJsonTests.Write(r).Length)), survey.Parts.Select(p => p.Bytes));
    }

    [Collection(nameof(MeasuresMemory))]
    public class Memory
    {
        [Fact]
        public void Words_without_end_do_not_fill_memory_and_the_frequent_ones_are_still_found()
        {
            long little = MeasuresMemory.Live(() => Of(1000));
            Assert.InRange(MeasuresMemory.Live(() => Of(3000)) - little, long.MinValue, 8 << 20);

            static Survey Of(int notes)
            {
                var survey = new Survey();
                for (int i = 0; i < notes; i++)
                    survey.Add(Note("heron " + string.Join(' ', Enumerable.Range(0, 500).Select(w => $"w{i * 500 + w}x"))));
                Assert.Equal("heron", survey.Kinds.Single().Words[0]);
                return survey;
            }
        }
    }

    [Fact]
    public void Its_JSON_holds_the_same()
    {
        var survey = new Survey();
        survey.Add(Note("heron heron"));
        survey.AddSent(Note("heron heron"));
        var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            survey.WriteJson(json);
            json.WriteEndObject();
        }
        using var read = JsonDocument.Parse(buffer.ToArray());
        Assert.Equal("2021-05", read.RootElement.GetProperty("months")[0].GetProperty("month").GetString());
        Assert.Equal("heron", read.RootElement.GetProperty("ofKind")[0].GetProperty("words")[0].GetString());
        Assert.Equal(2, read.RootElement.GetProperty("contributing")[0].GetProperty("ownWords").GetInt64());
    }

    [Fact]
    public void Markdown_has_a_file_for_each_kind_and_year_and_headings_of_its_own_only()
    {
        var folder = Path.Combine(Path.GetTempPath(), $"trove-md-{Guid.NewGuid():N}");
        try
        {
            MarkdownFiles.Write(folder, [Note("# no heading\n- no list") with { Thread = "t1" }, Note("second") with { Thread = "t1" }, Note("undated", 0)]);
            Assert.Equal(["note-2021.md", "note-undated.md"], Directory.EnumerateFiles(folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
            var lines = File.ReadAllLines(Path.Combine(folder, "note-2021.md"));
            Assert.Equal(["# x: note, 2021", "## t1"], lines.Where(l => l.StartsWith('#')));
            Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"**{new DateTime(2021, 5, 3):yyyy-MM-dd HH:mm}** me"), lines);
            Assert.Throws<IOException>(() => MarkdownFiles.Write(folder, []));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
