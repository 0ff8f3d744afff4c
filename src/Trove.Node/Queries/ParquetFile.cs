using System.Buffers;
using System.IO.Pipes;
using Trove.Exports;

namespace Trove.Node.Queries;

/// <summary>
/// Records as an Apache Parquet file, written by DuckDB: one column a field of specs/records.md, <c>time</c> a timestamp of UTC, <c>meta</c> a map
/// of text to text, compressed with Zstandard. Opens in DuckDB, pandas and Spark. Memory does not grow with the number of records.
/// </summary>
public static class ParquetFile
{
    private const int RowGroup = 16_384;
    private const string Memory = "512MB";

    /// <summary>Writes records, in their order; the file appears when it is whole.</summary>
    /// <param name="path">Replaced when it exists.</param>
    /// <param name="records">Enumerated once, on another thread.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, IEnumerable<Record> records)
    {
        var part = path + ".part";
        if (!Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path))))
            throw new IOException($"the Parquet file {path} cannot be written: its folder is not there; make it first");
        try
        {
            using (var pipe = new AnonymousPipeServerStream(PipeDirection.Out, HandleInheritability.None))
            {
                var writing = Task.Run(() => WriteLines(pipe, records));
                try
                {
                    using var database = DuckDb.Open([("threads", "1"), ("memory_limit", Memory), ("temp_directory", ""), ("autoinstall_known_extensions", "false"), ("autoload_known_extensions", "false")]);
                    database.Execute($"""
                        copy (select platform, kind, id, thread, author, own, epoch_ms(time) at time zone 'UTC' as time, title, text, url, meta
                            from read_json({Quote($"/dev/fd/{pipe.GetClientHandleAsString()}")}, format = 'newline_delimited', compression = 'uncompressed', maximum_object_size = {RecordRules.LineBytes},
                                columns = {Columns}))
                        to {Quote(part)} (format parquet, compression zstd, row_group_size {RowGroup})
                        """);
                }
                catch (DuckDbException) when (Failed(pipe, writing) is { } earlier)
                {
                    throw earlier; // what ended the lines is the reason
                }
                catch (DuckDbException e)
                {
                    throw new IOException($"the Parquet file {path} cannot be written: {e.Message}; look whether its folder is there and has space", e);
                }
                writing.GetAwaiter().GetResult();
            }
            File.Move(part, path, overwrite: true);
        }
        finally
        {
            File.Delete(part);
        }
    }

    /// <summary>The fields of a line, for read_json.</summary>
    internal const string Columns = "{platform: 'VARCHAR', kind: 'VARCHAR', id: 'VARCHAR', thread: 'VARCHAR', author: 'VARCHAR', own: 'BOOLEAN', time: 'BIGINT', title: 'VARCHAR', text: 'VARCHAR', url: 'VARCHAR', meta: 'MAP(VARCHAR, VARCHAR)'}";

    private static void WriteLines(AnonymousPipeServerStream pipe, IEnumerable<Record> records)
    {
        var line = new ArrayBufferWriter<byte>();
        // Its own end only: disposing the pipe closes the reader's too, and whoever has few records is done before DuckDB has opened that.
        using var end = pipe.SafePipeHandle;
        var buffered = new BufferedStream(pipe, 1 << 16);
        foreach (var record in records)
        {
            line.ResetWrittenCount();
            RecordJson.Write(line, record);
            buffered.Write(line.WrittenSpan);
        }
        buffered.Flush();
    }

    // Who reads has given up: without its end the writer would wait for ever. What it failed of, unless that was the reader.
    private static Exception? Failed(AnonymousPipeServerStream pipe, Task writing)
    {
        pipe.DisposeLocalCopyOfClientHandle();
        try
        {
            writing.GetAwaiter().GetResult();
            return null;
        }
        catch (Exception e)
        {
            return e is IOException and not FileNotFoundException ? null : e;
        }
    }

    private static string Quote(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";
}
