namespace Trove.Exports;

/// <summary>
/// The operation on an export could not go on: what was being done, to what, and what to do next. It never quotes a
/// member's text. A single bad file is no exception: it is reported as failed in <see cref="ExportReport"/>.
/// </summary>
public sealed class ExportException : Exception
{
    /// <summary>States the operation, its object, what is wrong, and what to do.</summary>
    public ExportException(string operation, string subject, string problem, string hint, Exception? inner = null)
        : base($"{operation} {Names.Printable(subject)}: {problem}; {hint}", inner)
    {
        Operation = operation;
        Subject = subject;
        Hint = hint;
    }

    /// <summary>What was being done, such as <c>open export</c>.</summary>
    public string Operation { get; }

    /// <summary>The file or export concerned.</summary>
    public string Subject { get; }

    /// <summary>What to do next.</summary>
    public string Hint { get; }
}
