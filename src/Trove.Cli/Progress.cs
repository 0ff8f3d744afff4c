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

    /// <summary>Says what is waited for; at most ten times a second.</summary>
    public void Report(string what) => Show(what);

    /// <summary>Says where the work is; at most ten times a second.</summary>
    public void Report(string what, long done, long? total) => Show(total is > 0 ? $"{what} {100.0 * done / total.Value:0} %" : $"{what} {done:N0}");

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

    private void Show(string line)
    {
        if (!_shown || _watch.ElapsedMilliseconds < 1000 || _watch.ElapsedMilliseconds - _last < 100)
            return;
        _last = _watch.ElapsedMilliseconds;
        _dirty = true;
        Console.Error.Write($"\r\u001b[K{line}");
    }
}
