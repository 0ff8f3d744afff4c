using System.Reflection;
using System.Runtime.InteropServices;

namespace Trove.Node.Queries;

/// <summary>
/// DuckDB 1.5 in memory through its C API (duckdb.h): open with a configuration, append integers, read integers. Nothing
/// else of it is bound. Every call is checked and every handle has one owner. Not for several threads at once.
/// </summary>
internal sealed unsafe class DuckDb : IDisposable
{
    private const string Library = "libduckdb.so";
    private const string Package = "@duckdb/node-bindings-linux-x64";
    private const string Install = "run `npm ci --ignore-scripts` in the folder native/ of the repository, or set TROVE_NATIVE to a folder where that was done";
    private const int Integer = 4; // DUCKDB_TYPE_INTEGER
    private const int BigInt = 5; // DUCKDB_TYPE_BIGINT

    private readonly Handle _database;
    private readonly Handle _connection;

    static DuckDb() => NativeLibrary.SetDllImportResolver(typeof(DuckDb).Assembly, Resolve);

    private DuckDb(Handle database, Handle connection) => (_database, _connection) = (database, connection);

    /// <summary>Opens an empty database in memory.</summary>
    /// <exception cref="DuckDbException">A setting is unknown or refused.</exception>
    public static DuckDb Open(IEnumerable<(string Name, string Value)> settings)
    {
        Check(duckdb_create_config(out nint made), "create a configuration");
        using var config = new Handle(made, &duckdb_destroy_config);
        foreach (var (name, value) in settings)
            Check(duckdb_set_config(config.Value, name, value), $"set {name}");
        byte* error = null; // text of DuckDB's, freed unread
        int state = duckdb_open_ext(null, out nint database, config.Value, &error);
        if (error is not null)
            duckdb_free(error);
        Check(state, "open");
        var owned = new Handle(database, &duckdb_close);
        if (duckdb_connect(owned.Value, out nint connection) == 0)
            return new DuckDb(owned, new Handle(connection, &duckdb_disconnect));
        owned.Dispose();
        throw new DuckDbException("connect", 0);
    }

    /// <summary>Runs a statement that has no result worth reading.</summary>
    /// <exception cref="DuckDbException">It failed.</exception>
    public void Execute(string sql)
    {
        Result result = default;
        int state = duckdb_query(_connection.Value, sql, &result);
        int error = state == 0 ? 0 : duckdb_result_error_type(&result);
        duckdb_destroy_result(&result);
        if (state != 0)
            throw new DuckDbException("run a statement", error);
    }

    /// <summary>Takes one row of a result; valid during the call.</summary>
    public delegate void TakeRow(ReadOnlySpan<long> row);

    /// <summary>Runs a SELECT whose columns are all BIGINT and never null, and hands its rows over one after the other.</summary>
    /// <exception cref="DuckDbException">It failed, or the result is of another shape.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; the database can only be disposed then.</exception>
    public void Query(string sql, int columns, TakeRow take, CancellationToken ct)
    {
        int state = duckdb_prepare(_connection.Value, sql, out nint prepared);
        using var statement = new Handle(prepared, &duckdb_destroy_prepare);
        Check(state, "prepare a query");
        state = duckdb_pending_prepared(statement.Value, out nint started);
        using var pending = new Handle(started, &duckdb_destroy_pending);
        Check(state, "start a query");
        Finish(pending.Value, ct);
        Result result = default;
        try
        {
            if (duckdb_execute_pending(pending.Value, &result) != 0)
                throw new DuckDbException("run a query", duckdb_result_error_type(&result));
            if (duckdb_column_count(&result) != (ulong)columns)
                throw new DuckDbException("read a result: number of columns", 0);
            for (int i = 0; i < columns; i++)
                if (duckdb_column_type(&result, (ulong)i) != BigInt)
                    throw new DuckDbException("read a result: type of a column", 0);
            Read(result, columns, take, ct);
        }
        finally
        {
            duckdb_destroy_result(&result);
        }
    }

    /// <summary>Appends rows of 32-bit integers to a table.</summary>
    /// <exception cref="DuckDbException">There is no such table.</exception>
    public Appender Append(string table, int columns) => new(_connection.Value, table, columns);

    /// <inheritdoc/>
    public void Dispose()
    {
        _connection.Dispose();
        _database.Dispose();
    }

    // In small steps, so that a cancellation is seen wherever it comes; an interrupt that comes before the start is lost.
    private void Finish(nint pending, CancellationToken ct)
    {
        while (true)
        {
            if (ct.IsCancellationRequested)
            {
                duckdb_interrupt(_connection.Value);
                ct.ThrowIfCancellationRequested();
            }
            switch (duckdb_pending_execute_task(pending))
            {
                case 0: // DUCKDB_PENDING_RESULT_READY
                    return;
                case 2: // DUCKDB_PENDING_ERROR: has no class but in the first words of its text
                    var text = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(duckdb_pending_error(pending));
                    throw new DuckDbException("run a query", text.StartsWith("Out of Memory Error"u8) ? DuckDbException.OutOfMemory : 0);
                case 3: // DUCKDB_PENDING_NO_TASKS_AVAILABLE: DuckDB's own threads have them all
                    Thread.Sleep(1);
                    break;
            }
        }
    }

    private static void Read(Result result, int columns, TakeRow take, CancellationToken ct)
    {
        Span<long> row = stackalloc long[columns];
        var (data, valid) = (new nint[columns], new nint[columns]);
        while (duckdb_fetch_chunk(result) is not 0 and var fetched)
        {
            ct.ThrowIfCancellationRequested();
            using var chunk = new Handle(fetched, &duckdb_destroy_data_chunk);
            for (int c = 0; c < columns; c++)
            {
                nint vector = duckdb_data_chunk_get_vector(chunk.Value, (ulong)c);
                (data[c], valid[c]) = ((nint)duckdb_vector_get_data(vector), (nint)duckdb_vector_get_validity(vector));
            }
            int size = (int)duckdb_data_chunk_get_size(chunk.Value);
            for (int r = 0; r < size; r++)
            {
                for (int c = 0; c < columns; c++)
                {
                    if (valid[c] != 0 && (((ulong*)valid[c])[r / 64] >> (r % 64) & 1) == 0)
                        throw new DuckDbException("read a result: a null", 0);
                    row[c] = ((long*)data[c])[r];
                }
                take(row);
            }
        }
    }

    private static void Check(int state, string operation)
    {
        if (state != 0)
            throw new DuckDbException(operation, 0);
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? paths)
    {
        if (name != Library)
            return 0;
        var path = Find();
        return NativeLibrary.TryLoad(path, out nint library) ? library : throw new DllNotFoundException($"{path}, which runs queries, could not be loaded; {Install}");
    }

    private static string Find()
    {
        var given = Environment.GetEnvironmentVariable("TROVE_NATIVE");
        if (!string.IsNullOrEmpty(given))
            return In(given) is var path && File.Exists(path) ? path : throw new DllNotFoundException($"DuckDB is not at {path} (TROVE_NATIVE is {given}); {Install}");
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var path = In(Path.Combine(folder.FullName, "native"));
            if (File.Exists(path))
                return path;
        }
        throw new DllNotFoundException($"DuckDB, which runs queries, was not found in native/node_modules above {AppContext.BaseDirectory}; {Install}");
    }

    private static string In(string native) => Path.Combine(native, "node_modules", Package, Library);

    /// <summary>Fills chunks of rows and hands each full one over.</summary>
    internal sealed class Appender : IDisposable
    {
        private readonly Handle _appender;
        private readonly Handle _chunk;
        private readonly nint[] _data;
        private readonly int _size = (int)duckdb_vector_size();
        private int _rows;

        internal Appender(nint connection, string table, int columns)
        {
            int state = duckdb_appender_create(connection, null, table, out nint made);
            _appender = new Handle(made, &DestroyAppender);
            _data = new nint[columns];
            using var type = new Handle(duckdb_create_logical_type(Integer), &duckdb_destroy_logical_type);
            var types = new nint[columns];
            Array.Fill(types, type.Value);
            fixed (nint* all = types)
                _chunk = new Handle(duckdb_create_data_chunk(all, (ulong)columns), &duckdb_destroy_data_chunk);
            if (state == 0 && _chunk.Value != 0)
            {
                StartChunk();
                return;
            }
            Dispose();
            throw new DuckDbException("append to a table", 0);
        }

        /// <summary>Adds a row.</summary>
        /// <exception cref="DuckDbException">There is no memory left.</exception>
        public void Add(ReadOnlySpan<int> row)
        {
            if (row.Length != _data.Length)
                throw new ArgumentException($"a row of this table has {_data.Length} columns, not {row.Length}");
            for (int i = 0; i < row.Length; i++)
                ((int*)_data[i])[_rows] = row[i];
            if (++_rows == _size)
                HandOver();
        }

        /// <summary>Makes all rows visible to queries.</summary>
        /// <exception cref="DuckDbException">There is no memory left.</exception>
        public void Finish()
        {
            HandOver();
            CheckAppender(duckdb_appender_close(_appender.Value));
        }

        /// <inheritdoc/>
        public void Dispose()
        {
            _chunk.Dispose();
            _appender.Dispose();
        }

        private void HandOver()
        {
            duckdb_data_chunk_set_size(_chunk.Value, (ulong)_rows);
            CheckAppender(duckdb_append_data_chunk(_appender.Value, _chunk.Value));
            duckdb_data_chunk_reset(_chunk.Value);
            StartChunk();
        }

        private void StartChunk()
        {
            _rows = 0;
            for (int i = 0; i < _data.Length; i++)
                _data[i] = (nint)duckdb_vector_get_data(duckdb_data_chunk_get_vector(_chunk.Value, (ulong)i));
        }

        // Closing what could not be appended fails again, which says nothing new.
        private static void DestroyAppender(nint* appender) => _ = duckdb_appender_destroy(appender);

        private void CheckAppender(int state)
        {
            if (state == 0)
                return;
            using var error = new Handle(duckdb_appender_error_data(_appender.Value), &duckdb_destroy_error_data);
            throw new DuckDbException("append rows", duckdb_error_data_error_type(error.Value));
        }
    }

    /// <summary>A pointer of DuckDB's and the function that frees it; null is allowed and freed as nothing.</summary>
    private sealed class Handle : SafeHandle
    {
        private readonly delegate*<nint*, void> _free;

        public Handle(nint value, delegate*<nint*, void> free) : base(0, true)
        {
            _free = free;
            SetHandle(value);
        }

        public override bool IsInvalid => handle == 0;

        public nint Value => handle;

        protected override bool ReleaseHandle()
        {
            nint value = handle;
            _free(&value);
            return true;
        }
    }

    /// <summary>duckdb_result: five deprecated fields and the pointer to what it holds.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Result
    {
        public ulong ColumnCount, RowCount, RowsChanged;
        public nint Columns, ErrorMessage, Internal;
    }

    [DllImport(Library)] private static extern int duckdb_create_config(out nint config);
    [DllImport(Library)] private static extern int duckdb_set_config(nint config, [MarshalAs(UnmanagedType.LPUTF8Str)] string name, [MarshalAs(UnmanagedType.LPUTF8Str)] string value);
    [DllImport(Library)] private static extern void duckdb_destroy_config(nint* config);
    [DllImport(Library)] private static extern int duckdb_open_ext(byte* path, out nint database, nint config, byte** error);
    [DllImport(Library)] private static extern void duckdb_free(void* pointer);
    [DllImport(Library)] private static extern void duckdb_close(nint* database);
    [DllImport(Library)] private static extern int duckdb_connect(nint database, out nint connection);
    [DllImport(Library)] private static extern void duckdb_disconnect(nint* connection);
    [DllImport(Library)] private static extern void duckdb_interrupt(nint connection);
    [DllImport(Library)] private static extern int duckdb_query(nint connection, [MarshalAs(UnmanagedType.LPUTF8Str)] string sql, Result* result);
    [DllImport(Library)] private static extern void duckdb_destroy_result(Result* result);
    [DllImport(Library)] private static extern int duckdb_result_error_type(Result* result);
    [DllImport(Library)] private static extern ulong duckdb_column_count(Result* result);
    [DllImport(Library)] private static extern int duckdb_column_type(Result* result, ulong column);
    [DllImport(Library)] private static extern int duckdb_prepare(nint connection, [MarshalAs(UnmanagedType.LPUTF8Str)] string sql, out nint statement);
    [DllImport(Library)] private static extern void duckdb_destroy_prepare(nint* statement);
    [DllImport(Library)] private static extern int duckdb_pending_prepared(nint statement, out nint pending);
    [DllImport(Library)] private static extern int duckdb_pending_execute_task(nint pending);
    [DllImport(Library)] private static extern byte* duckdb_pending_error(nint pending);
    [DllImport(Library)] private static extern int duckdb_execute_pending(nint pending, Result* result);
    [DllImport(Library)] private static extern void duckdb_destroy_pending(nint* pending);
    [DllImport(Library)] private static extern nint duckdb_fetch_chunk(Result result);
    [DllImport(Library)] private static extern nint duckdb_create_logical_type(int type);
    [DllImport(Library)] private static extern void duckdb_destroy_logical_type(nint* type);
    [DllImport(Library)] private static extern nint duckdb_create_data_chunk(nint* types, ulong columns);
    [DllImport(Library)] private static extern void duckdb_destroy_data_chunk(nint* chunk);
    [DllImport(Library)] private static extern void duckdb_data_chunk_reset(nint chunk);
    [DllImport(Library)] private static extern ulong duckdb_data_chunk_get_size(nint chunk);
    [DllImport(Library)] private static extern void duckdb_data_chunk_set_size(nint chunk, ulong size);
    [DllImport(Library)] private static extern nint duckdb_data_chunk_get_vector(nint chunk, ulong column);
    [DllImport(Library)] private static extern void* duckdb_vector_get_data(nint vector);
    [DllImport(Library)] private static extern ulong* duckdb_vector_get_validity(nint vector);
    [DllImport(Library)] private static extern ulong duckdb_vector_size();
    [DllImport(Library)] private static extern int duckdb_appender_create(nint connection, [MarshalAs(UnmanagedType.LPUTF8Str)] string? schema, [MarshalAs(UnmanagedType.LPUTF8Str)] string table, out nint appender);
    [DllImport(Library)] private static extern int duckdb_append_data_chunk(nint appender, nint chunk);
    [DllImport(Library)] private static extern int duckdb_appender_close(nint appender);
    [DllImport(Library)] private static extern nint duckdb_appender_error_data(nint appender);
    [DllImport(Library)] private static extern int duckdb_appender_destroy(nint* appender);
    [DllImport(Library)] private static extern int duckdb_error_data_error_type(nint error);
    [DllImport(Library)] private static extern void duckdb_destroy_error_data(nint* error);
}

/// <summary>A call of DuckDB failed. Its own message is dropped: it may quote values.</summary>
internal sealed class DuckDbException(string operation, int type) : Exception($"DuckDB could not {operation} (error class {type})")
{
    /// <summary>The class of its errors about the memory limit.</summary>
    public const int OutOfMemory = 33; // DUCKDB_ERROR_OUT_OF_MEMORY

    /// <summary>Was the memory limit reached?</summary>
    public bool IsOutOfMemory => type == OutOfMemory;
}
