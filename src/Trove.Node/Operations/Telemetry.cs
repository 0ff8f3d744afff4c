using System.Diagnostics;
using System.Diagnostics.Metrics;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Trove.Node.Operations;

/// <summary>
/// What a node measures and traces. Values of labels are words of this program, never addresses, ids or anything a stranger
/// chooses: their number is bounded. Sent by OTLP where <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> says, by the standard's other variables
/// (OpenTelemetry specification, "OTLP Exporter Configuration"); without it nothing is collected or sent.
/// </summary>
public static class Telemetry
{
    private const string Name = "Trove";

    /// <summary>Spans of jobs and relayed calls.</summary>
    public static readonly ActivitySource Source = new(Name);

    /// <summary>Everything below.</summary>
    internal static readonly Meter Meter = new(Name);

    private static readonly UpDownCounter<int> OpenUploads = Meter.CreateUpDownCounter<int>("trove.uploads.open", "{piece}", "Pieces being received");
    private static readonly Counter<long> UploadedBytes = Meter.CreateCounter<long>("trove.uploads.bytes", "By", "Bytes received and durable");
    private static readonly Histogram<double> JobDuration = Meter.CreateHistogram<double>("trove.jobs.duration", "s", "Attempts at jobs of the node itself, by queue and outcome");
    private static readonly Counter<long> Relayed = Meter.CreateCounter<long>("trove.relay.calls", "{call}", "Calls given to the relayer, by purpose and outcome");
    private static readonly Counter<long> RelayedGas = Meter.CreateCounter<long>("trove.relay.gas", "{gas}", "Gas of mined transactions, by purpose");

    /// <summary>Sends to the collector that the environment names; null without one.</summary>
    public static IAsyncDisposable? Start()
    {
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT")))
            return null;
        var resource = ResourceBuilder.CreateEmpty().AddService("trove-node", serviceVersion: typeof(Telemetry).Assembly.GetName().Version!.ToString(3)).AddTelemetrySdk().AddEnvironmentVariableDetector();
        return new Providers(
            Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource).AddMeter(Name, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime").AddOtlpExporter().Build(),
            Sdk.CreateTracerProviderBuilder().SetResourceBuilder(resource).AddSource(Name, "Microsoft.AspNetCore").AddOtlpExporter().Build());
    }

    /// <summary>A piece is being received until the returned value is disposed.</summary>
    internal static IDisposable Upload()
    {
        OpenUploads.Add(1);
        return new Ended(() => OpenUploads.Add(-1));
    }

    internal static void Uploaded(long bytes) => UploadedBytes.Add(bytes);

    /// <summary>A span around an attempt at a job.</summary>
    internal static Activity? Job(string topic) => Source.StartActivity($"job {Queue(topic)}", ActivityKind.Consumer);

    internal static void JobDone(string topic, string outcome, TimeSpan took) =>
        JobDuration.Record(took.TotalSeconds, new("queue", Queue(topic)), new("outcome", outcome));

    /// <summary>A span around a relayed call.</summary>
    internal static Activity? Relay(string purpose) => Source.StartActivity($"relay {purpose}", ActivityKind.Client);

    internal static void RelayDone(string purpose, string outcome, ulong gas)
    {
        Relayed.Add(1, new("purpose", purpose), new("outcome", outcome));
        RelayedGas.Add((long)gas, new KeyValuePair<string, object?>("purpose", purpose));
    }

    /// <summary>The queue's kind: a topic names an address after the slash.</summary>
    internal static string Queue(string topic) => topic.Split('/')[0];

    private sealed class Ended(Action action) : IDisposable
    {
        private int _done;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _done, 1) == 0)
                action();
        }
    }

    // Disposing sends what is still held, for some seconds at most.
    private sealed class Providers(IDisposable metrics, IDisposable traces) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync() => await Task.WhenAll(Task.Run(traces.Dispose), Task.Run(metrics.Dispose));
    }
}
