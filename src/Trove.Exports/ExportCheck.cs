namespace Trove.Exports;

/// <summary>How a consistency check ended.</summary>
public enum CheckOutcome
{
    /// <summary>What it compares agrees.</summary>
    Passed,

    /// <summary>What it compares disagrees: the export was edited, damaged or made up.</summary>
    Failed,

    /// <summary>The export lacks what it compares, for example because the member left a file out.</summary>
    Absent,
}

/// <summary>
/// A named consistency check of an export. It shows that nothing was edited carelessly, never that the export is genuine.
/// </summary>
/// <param name="Name">Such as <c>reddit.checkfile</c>.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Detail">What was compared: counts and file names, never a member's text.</param>
public sealed record ExportCheck(string Name, CheckOutcome Outcome, string Detail)
{
    internal static ExportCheck Passed(string name, string detail) => new(name, CheckOutcome.Passed, detail);
    internal static ExportCheck Failed(string name, string detail) => new(name, CheckOutcome.Failed, detail);
    internal static ExportCheck Absent(string name, string detail) => new(name, CheckOutcome.Absent, detail);
}
