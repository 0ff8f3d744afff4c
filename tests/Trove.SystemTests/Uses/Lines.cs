using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Trove.Node.Runners;

namespace Trove.SystemTests.Uses;

/// <summary>What a runner logs, kept.</summary>
public sealed class Lines : ILogger<RunnerProcess>
{
    public ConcurrentQueue<string> All { get; } = [];

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => All.Enqueue(formatter(state, exception));
}
