using Trove.Exports;
using Trove.Node.Queries;
using Trove.Tests.Exports;
using Record = Trove.Exports.Record;

namespace Trove.Tests.Node;

public class ParquetFileTests
{
    [Fact]
    public void Every_record_comes_back_from_the_file_as_it_was()
    {
        var folder = Directory.CreateTempSubdirectory("trove's-parquet-").FullName;
        try
        {
            var records = RecordGenSample(2000).ToList();
            var (file, lines) = (Path.Combine(folder, "it's all.parquet"), Path.Combine(folder, "all.jsonl"));
            ParquetFile.Write(file, records);
            Assert.Equal([file], Directory.EnumerateFiles(folder));
            using var written = File.Create(lines);
            foreach (var record in records)
                written.Write(RecordJsonTests.Write(record));
            written.Dispose();
            string Quoted(string path) => $"'{path.Replace("'", "''", StringComparison.Ordinal)}'";
            using var database = DuckDb.Open([("threads", "1"), ("temp_directory", "")]);
            long[] counts = [];
            database.Query($"""
                with p as (select *, row_number() over () as n from read_parquet({Quoted(file)})),
                    j as (select *, row_number() over () as n from read_json({Quoted(lines)}, format = 'newline_delimited', columns = {ParquetFile.Columns}))
                select count(*)::bigint, count(*) filter (where p.platform = j.platform and p.kind = j.kind and p.id = j.id and p.thread = j.thread and p.author = j.author and p.own = j.own
                    and (epoch_ms(p.time) is not distinct from j.time) and p.title = j.title and p.text = j.text and p.url = j.url and p.meta = j.meta)::bigint
                from p join j using (n)
                """, 2, row => counts = row.ToArray(), default);
            Assert.Equal([records.Count, records.Count], counts);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Whoever writes the lines is done before DuckDB asks for them.</summary>
    [Fact]
    public void One_record_is_written_however_fast_it_comes()
    {
        var folder = Directory.CreateTempSubdirectory("trove-parquet-").FullName;
        try
        {
            var record = RecordGenSample(1).ToList();
            for (int round = 0; round < 20; round++)
            {
                var file = Path.Combine(folder, "one.parquet");
                ParquetFile.Write(file, record);
                Assert.Single(ParquetTexts.Read(file));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void A_folder_that_is_not_there_is_named_and_what_ends_the_records_is_the_reason()
    {
        Assert.Contains("not-there", Assert.Throws<IOException>(() => ParquetFile.Write("/not-there/x.parquet", RecordGenSample(100_000))).Message, StringComparison.Ordinal);
        var file = Path.Combine(Path.GetTempPath(), $"trove-{Guid.NewGuid():N}.parquet");
        Assert.Throws<ExportException>(() => ParquetFile.Write(file, Broken()));
        Assert.False(File.Exists(file) || File.Exists(file + ".part"));

        static IEnumerable<Record> Broken()
        {
            foreach (var record in RecordGenSample(3))
                yield return record;
            throw new ExportException("read export", "x", "too many records", "import it in parts");
        }
    }

    private static IEnumerable<Record> RecordGenSample(int count) => Enumerable.Range(0, count).Select(i => new Record
    {
        Platform = "x", Kind = i % 2 == 0 ? RecordKind.Note : RecordKind.Message, Id = $"{i}", Own = i % 3 == 0, Time = i % 5 == 0 ? null : 1_700_000_000_000 + i, Title = i % 7 == 0 ? "t \"quoted\" \\" : "",
        Text = $"line one\nline two of {i} \u0001 漢字 🚲", Meta = i % 4 == 0 ? Metadata.Empty : Metadata.Empty.SetItem("chat", $"c{i % 10}").SetItem("type", "'x'"),
    });
}
