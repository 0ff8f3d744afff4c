using System.Diagnostics;

namespace Trove.Cli;

/// <summary>
/// One line on standard error that says how far long work is, after its first second; nothing when that is no terminal.
/// </summary>
internal sealed class Progress : IDisposable
{
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private readonly bool _shown = !Console.IsErrorRedirected;
    private long _last;
    private bool _dirty;

    /// <summary>Says where the work is; at most ten times a second.</summary>
    public void Report(string what, long? done = null, long? total = null)
    {
        if (!_shown || _watch.ElapsedMilliseconds < 1000 || _watch.ElapsedMilliseconds - _last < 100)
            return;
        _last = _watch.ElapsedMilliseconds;
        _dirty = true;
        string amount = total is > 0 ? $" {100.0 * done / total.Value:0} %" : done is null ? "" : $" {done:N0}";
        Console.Error.Write($"\r\u001b[K{what}{amount}");
    }

    /// <summary>Says something that stays, on standard error, so that programs which read the result need not know of it.</summary>
    public void Say(string text)
    {
        Dispose();
        Console.Error.WriteLine(text);
    }

    /// <summary>Clears the line.</summary>
    public void Dispose()
    {
        if (_dirty)
            Console.Error.Write("\r\u001b[K");
        _dirty = false;
    }
}
