namespace Trove.Exports;

/// <summary>How an export is to be read.</summary>
public sealed record ExportOptions
{
    /// <summary>The member's name on the platform, for exports that do not say whose they are. Never overrides one that does.</summary>
    public string Me { get; init; } = "";

    /// <summary>What a hostile export may use up.</summary>
    public ExportLimits Limits { get; init; } = new();
}

/// <summary>Each limit names the attack that it stops. The defaults are far above any real export seen.</summary>
public sealed record ExportLimits
{
    /// <summary>Files of an export. Stops: millions of empty ZIP entries, or a folder tree without end, filling memory with names.</summary>
    public int Entries { get; init; } = 200_000;

    /// <summary>UTF-16 units of a file name. Stops: 64 KiB names times the number of entries.</summary>
    public int NameLength { get; init; } = 1024;

    /// <summary>Folders above a file. Stops: deep trees that exhaust the stack of whoever walks them. Archives inside archives are never opened at all.</summary>
    public int Depth { get; init; } = 32;

    /// <summary>Bytes of one file, as really counted. Stops: an entry that claims little and inflates without end.</summary>
    public long EntryBytes { get; init; } = 8L << 30;

    /// <summary>Bytes of all files, as really counted. Stops: many entries each just below <see cref="EntryBytes"/>.</summary>
    public long TotalBytes { get; init; } = 32L << 30;

    /// <summary>Inflated over compressed bytes, beyond the first MiB. Stops: zip bombs (deflate reaches 1032; exports of text stay below 60).</summary>
    public int Ratio { get; init; } = 250;

    /// <summary>Bytes of one CSV row. Stops: one unclosed quote that turns the whole file into a single field.</summary>
    public int RowLength { get; init; } = 16 << 20;

    /// <summary>Fields of one CSV row. Stops: a line of commas.</summary>
    public int Columns { get; init; } = 256;

    /// <summary>Bytes of one JSON value held in memory at once (a conversation). Stops: one conversation as large as the file.</summary>
    public int JsonValueBytes { get; init; } = 32 << 20;

    /// <summary>Tokens of one JSON value. Stops: a value of brackets alone, whose index is many times its size.</summary>
    public int JsonTokens { get; init; } = 4 << 20;

    /// <summary>Nesting of JSON. Stops: <c>[[[[…</c> overflowing the stack.</summary>
    public int JsonDepth { get; init; } = 64;

    /// <summary>Records of an export. Stops: billions of tiny rows keeping a verifier busy.</summary>
    public long Records { get; init; } = 50_000_000;
}
