namespace Trove.Exports.Source;

/// <summary>
/// The files of one export, from ZIPs (several parts together), folders and loose files. Each archive or folder loses
/// its one wrapping folder only when <see cref="Unwrap"/> is asked for, because a platform's own layout may have a single
/// top folder too.
/// </summary>
internal sealed class ExportFiles : IDisposable
{
    private const string Repeated = "another file of the same name was read instead";

    private readonly List<IDisposable> _owned = [];
    private readonly List<List<ExportFile>> _sources = [];
    private readonly ReadBudget _budget;
    private readonly ExportLimits _limits;
    private readonly Dictionary<string, ExportFile> _byName = new(StringComparer.OrdinalIgnoreCase);
    private List<ExportFile> _all = [];

    private ExportFiles(ExportLimits limits)
    {
        _limits = limits;
        _budget = new ReadBudget(limits);
    }

    /// <summary>All files in ordinal order of their names: the same export gives the same records in the same order.</summary>
    public IReadOnlyList<ExportFile> All => _all;

    /// <summary>What was opened, for messages.</summary>
    public string Subject { get; private init; } = "";

    public static ExportFiles Open(IReadOnlyList<string> paths, ExportLimits limits)
    {
        if (paths.Count == 0)
            throw new ExportException("open export", "nothing", "no file was named", "pass a ZIP, a folder or the files of an export");
        var files = new ExportFiles(limits) { Subject = paths.Count == 1 ? paths[0] : $"{paths[0]} and {paths.Count - 1} more" };
        try
        {
            foreach (var path in paths)
                files.AddPath(path);
            files.Settle();
            return files;
        }
        catch (Exception e)
        {
            files.Dispose();
            if (e is IOException or UnauthorizedAccessException or ArgumentException)
                throw new ExportException("open export", files.Subject, "it cannot be read", "check the path and its permissions", e);
            throw;
        }
    }

    public static ExportFiles Open(string name, Stream content, ExportLimits limits)
    {
        if (!content.CanSeek)
            throw new ArgumentException("an export is opened from a stream that can seek", nameof(content));
        var files = new ExportFiles(limits) { Subject = name };
        files.AddContent(name, content);
        files.Settle();
        return files;
    }

    /// <summary>The readable file of this name, ignoring case; null when there is none.</summary>
    public ExportFile? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>Takes one wrapping folder off each source.</summary>
    /// <returns>False when no source has one.</returns>
    public bool Unwrap()
    {
        bool any = false;
        foreach (var source in _sources)
        {
            var real = source.Where(file => file.IsReadable).ToList();
            int slash = real.Count == 0 ? -1 : real[0].Name.IndexOf('/');
            if (slash < 0 || !real.All(file => file.Name.StartsWith(real[0].Name[..(slash + 1)], StringComparison.Ordinal)))
                continue;
            foreach (var file in real)
                file.Name = file.Name[(slash + 1)..];
            any = true;
        }
        if (any)
            Settle();
        return any;
    }

    /// <summary>Puts back the wrapping folders that were taken off.</summary>
    public void Rewrap()
    {
        foreach (var file in _sources.SelectMany(source => source))
        {
            file.Name = file.FullName;
            file.Refused = file.Refused == Repeated ? null : file.Refused;
        }
        Settle();
    }

    public void Dispose()
    {
        foreach (var owned in _owned)
            owned.Dispose();
    }

    private void AddPath(string path)
    {
        if (Directory.Exists(path))
        {
            AddFolder(path);
            return;
        }
        if (!File.Exists(path))
            throw new ExportException("open export", path, "there is no such file or folder", "check the path");
        var stream = File.OpenRead(path);
        _owned.Add(stream);
        if (stream.CanSeek && IsZip(stream))
            AddContent(path, stream);
        else
            _sources.Add([new ExportFile(Path.GetFileName(path), () => File.OpenRead(path), _budget)]);
    }

    private void AddContent(string name, Stream content)
    {
        if (IsZip(content))
            _sources.Add(ZipReader.Read(name, content, _budget));
        else
            _sources.Add([new ExportFile(Names.File(Names.Normalise(name)), () => new StreamSlice(content, 0, content.Length), _budget)]);
    }

    private void AddFolder(string path)
    {
        var root = Path.GetFullPath(path);
        var found = new List<ExportFile>();
        // Links are not followed: one could lead out of the folder, or around in circles.
        var options = new EnumerationOptions
        {
            RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint, MaxRecursionDepth = _limits.Depth, IgnoreInaccessible = true,
        };
        foreach (var file in Directory.EnumerateFiles(root, "*", options))
        {
            if (found.Count == _limits.Entries)
                throw TooMany();
            var name = Names.Normalise(Path.GetRelativePath(root, file));
            found.Add(new ExportFile(name, () => File.OpenRead(file), _budget) { Refused = Names.Problem(name, _limits), IsJunk = Names.IsJunk(name) });
        }
        _sources.Add(found);
    }

    private static bool IsZip(Stream content)
    {
        Span<byte> head = stackalloc byte[4];
        content.Position = 0;
        int read = content.ReadAtLeast(head, 4, throwOnEndOfStream: false);
        return ZipReader.Recognise(head[..read]);
    }

    /// <summary>Sorts, and refuses every second file of a name: two readers might pick different ones.</summary>
    private void Settle()
    {
        if (_sources.Sum(source => (long)source.Count) > _limits.Entries)
            throw TooMany();
        _all = [.. _sources.SelectMany(source => source).OrderBy(file => file.Name, StringComparer.Ordinal)];
        for (int i = 1; i < _all.Count; i++)
        {
            if (_all[i].Name == _all[i - 1].Name)
                _all[i].Refused ??= Repeated;
        }
        _byName.Clear();
        foreach (var file in _all.Where(file => file.IsReadable))
            _byName.TryAdd(file.Name, file);
    }

    private ExportException TooMany() => new("open export", Subject, $"it has more than {_limits.Entries} files", "pass only the files of one platform");
}
