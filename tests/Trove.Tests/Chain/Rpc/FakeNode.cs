using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Trove.Tests.Chain.Rpc;

/// <summary>
/// A node that answers over a real socket as its script says: the script gets the request's JSON and writes the raw bytes of the
/// HTTP answer, so that it can lie about its length, break off, or never end.
/// </summary>
internal sealed class FakeNode : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<JsonElement, Stream, CancellationToken, Task> _script;
    private readonly Task _loop;

    public FakeNode(Func<JsonElement, Stream, CancellationToken, Task> script)
    {
        _script = script;
        _listener.Start();
        Url = new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/v3/secret-access-key");
        _loop = AcceptAsync();
    }

    /// <summary>A node whose every answer has this body.</summary>
    public FakeNode(Func<JsonElement, string> body, int status = 200)
        : this((request, stream, ct) => WriteAsync(stream, body(request), status, ct))
    {
    }

    /// <summary>Where it listens; with a path that must never show in an error.</summary>
    public Uri Url { get; }

    /// <summary>An answer to the request's own id.</summary>
    public static string Result(JsonElement request, string result) => $$"""{"jsonrpc":"2.0","id":{{request.GetProperty("id")}},"result":{{result}}}""";

    public static async Task WriteAsync(Stream stream, string body, int status, CancellationToken ct)
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {bytes.Length}\r\nConnection: close\r\n\r\n"), ct);
        await stream.WriteAsync(bytes, ct);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _loop;
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                using var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                var stream = client.GetStream();
                try
                {
                    await _script(await ReadAsync(stream, _stop.Token), stream, _stop.Token);
                }
                catch (IOException)
                {
                    // the client hung up on us, as it should on most of these answers
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException or InvalidOperationException) // the listener was stopped
        {
            // disposed
        }
    }

    private static async Task<JsonElement> ReadAsync(NetworkStream stream, CancellationToken ct)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            await stream.ReadExactlyAsync(one, ct);
            head.Append((char)one[0]);
        }
        var length = head.ToString().Split("\r\n").First(l => l.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase))[15..];
        var body = new byte[int.Parse(length, CultureInfo.InvariantCulture)];
        await stream.ReadExactlyAsync(body, ct);
        return JsonDocument.Parse(body).RootElement;
    }
}
