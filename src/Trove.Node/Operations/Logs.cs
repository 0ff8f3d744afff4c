using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Trove.Node.Operations;

/// <summary>How log lines are printed.</summary>
public enum LogFormat
{
    /// <summary>A line of text each, for people.</summary>
    Text,

    /// <summary>A line of JSON each, with event id and name, trace id and the message's values: for programs.</summary>
    Json,
}

/// <summary>Logs of all roles: to standard error, in UTC, without members' text, secrets or tokens.</summary>
public static class Logs
{
    /// <summary>Prints lines of at least <paramref name="level"/>; the web server's own only from warnings on, unless details are asked for.</summary>
    public static ILoggingBuilder AddTrove(this ILoggingBuilder logging, LogLevel level, LogFormat format)
    {
        logging.SetMinimumLevel(level);
        if (level is LogLevel.Information)
            logging.AddFilter("Microsoft", LogLevel.Warning);
        logging.Configure(o => o.ActivityTrackingOptions = ActivityTrackingOptions.TraceId | ActivityTrackingOptions.SpanId);
        if (format == LogFormat.Json)
            logging.AddJsonConsole(o => Format(o).IncludeScopes = true);
        else
            logging.AddSimpleConsole(o => Format(o).SingleLine = true);
        logging.Services.Configure<ConsoleLoggerOptions>(o => o.LogToStandardErrorThreshold = LogLevel.Trace);
        return logging;
    }

    private static T Format<T>(T options) where T : ConsoleFormatterOptions
    {
        options.TimestampFormat = "yyyy-MM-ddTHH:mm:ssZ ";
        options.UseUtcTimestamp = true;
        return options;
    }
}

/// <summary>A logger factory that is closed with its owner.</summary>
internal sealed class OwnedLogs(ILoggerFactory factory) : IAsyncDisposable
{
    public ILoggerFactory Factory => factory;

    public ValueTask DisposeAsync()
    {
        factory.Dispose(); // writes what it still holds
        return ValueTask.CompletedTask;
    }
}
