using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Trove.SystemTests.Api;

namespace Trove.SystemTests.Hostile;

/// <summary>What a stranger can do below HTTP's good manners: claim, flood, trickle, and say nothing at all.</summary>
public sealed class WireTests(ApiFixture api)
{
    private const int Idle = 1000;
    private const long MostGrowth = 4L << 30; // with all tests that run beside it; a claim believed would be more than twice that

    [Theory]
    [InlineData("TenGigabytesClaimed", "POST /api/v1/test-dollars HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10737418240\r\n\r\n{", "413")]
    [InlineData("TenGigabytesForAPiece", "PUT /api/v1/contributions/HASH/blobs/HASH?offset=0 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\nContent-Length: 10737418240\r\n\r\nx", "413 404 403 401")]
    [InlineData("LengthBeyondNumbers", "POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n", "400")]
    [InlineData("NegativeLength", "POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "400")]
    [InlineData("TwoLengths", "POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "400")]
    [InlineData("LengthAndChunks", "POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400 200")]
    [InlineData("ChunkOfNonsense", "POST /rpc HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400")]
    [InlineData("ChunkOfEightExabytes", "POST /rpc HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\nx", "400 413")]
    [InlineData("NoHost", "GET /health HTTP/1.1\r\n\r\n", "400")]
    [InlineData("Garbage", "\u0016\u0003\u0001\u0002\u0000nonsense\r\n\r\n", "400")]
    [InlineData("NulInPath", "GET /api/v1/\0 HTTP/1.1\r\nHost: x\r\n\r\n", "400")]
    public async Task Refused(string name, string request, string statuses)
    {
        await api.ReadyAsync();
        var answer = await ExchangeAsync(Encoding.Latin1.GetBytes(request.Replace("HASH", new string('a', 64), StringComparison.Ordinal)));
        Assert.True(statuses.Split(' ').Any(s => answer.StartsWith($"HTTP/1.1 {s} ", StringComparison.Ordinal)), $"{name}: {answer}");
        await WellAsync();
    }

    [Fact]
    public async Task Floods_of_headers_are_cut_off()
    {
        await api.ReadyAsync();
        foreach (var headers in new[] { string.Concat(Enumerable.Range(0, 2000).Select(i => $"X-{i}: 1\r\n")), string.Concat(Enumerable.Repeat("X: 1\r\n", 5000)), $"X: {new string('x', 1 << 20)}\r\n" })
            Assert.StartsWith("HTTP/1.1 431 ", await ExchangeAsync(Encoding.ASCII.GetBytes($"GET /health HTTP/1.1\r\nHost: x\r\n{headers}\r\n")), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 414 ", await ExchangeAsync(Encoding.ASCII.GetBytes($"GET /{new string('x', 100_000)} HTTP/1.1\r\nHost: x\r\n\r\n")), StringComparison.Ordinal);
        await WellAsync();
    }

    [Fact]
    public async Task A_body_in_chunks_ends_at_the_limit()
    {
        await api.ReadyAsync();
        long before = Peak();
        var request = new MemoryStream();
        request.Write("POST /rpc HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"u8);
        for (int i = 0; i < 256; i++)
            request.Write(Encoding.ASCII.GetBytes($"8000\r\n{new string(' ', 0x8000)}\r\n"));
        Assert.StartsWith("HTTP/1.1 413 ", await ExchangeAsync(request.ToArray()), StringComparison.Ordinal);
        await WellAsync();
        Assert.InRange(Peak() - before, 0, MostGrowth);
    }

    [Fact]
    public async Task What_follows_a_good_request_is_a_request_of_its_own()
    {
        await api.ReadyAsync();
        var answer = await ExchangeAsync("GET /health HTTP/1.1\r\nHost: x\r\n\r\nnonsense and more\r\n\r\n"u8.ToArray());
        Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
        Assert.Contains("HTTP/1.1 400 ", answer, StringComparison.Ordinal);
    }

    // Slowloris: neither those who say nothing nor those who never end their headers or bodies keep others out, and the node ends it.
    [Fact]
    public async Task A_thousand_idle_connections_stop_nobody_and_are_dropped()
    {
        await api.ReadyAsync();
        long before = Peak();
        var idle = new List<TcpClient>();
        try
        {
            string[] starts = ["GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ", "POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"];
            for (int i = 0; i < Idle; i++)
            {
                var client = new TcpClient();
                idle.Add(client);
                await client.ConnectAsync(IPAddress.Loopback, api.Http.BaseAddress!.Port);
                if (i % 3 < 2)
                    await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(starts[i % 3]));
            }
            for (int i = 0; i < 5; i++)
                await WellAsync();
            using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(5));
            foreach (var client in idle.Take(60).Where((_, i) => i % 3 < 2))
                await EndAsync(client, patience.Token);
        }
        finally
        {
            idle.ForEach(c => c.Dispose());
        }
        await WellAsync();
        Assert.InRange(Peak() - before, 0, MostGrowth);
    }

    private async Task WellAsync()
    {
        using var response = await api.Http.GetAsync("/health");
        Assert.True(response.IsSuccessStatusCode);
    }

    /// <summary>Until the node closes the connection, at whatever it has not been told.</summary>
    private static async Task EndAsync(TcpClient client, CancellationToken ct)
    {
        var buffer = new byte[4096];
        try
        {
            while (await client.GetStream().ReadAsync(buffer, ct) > 0)
            {
            }
        }
        catch (IOException)
        {
            // Reset: closed as well.
        }
    }

    // Sends everything, reads what comes until the node closes or has answered and says no more.
    private async Task<string> ExchangeAsync(byte[] request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, api.Http.BaseAddress!.Port);
        var stream = client.GetStream();
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        var sending = Task.Run(async () =>
        {
            try
            {
                await stream.WriteAsync(request, patience.Token);
            }
            catch (IOException)
            {
                // The node has hung up on us, as it should.
            }
        });
        var answer = new StringBuilder();
        var buffer = new byte[8192];
        try
        {
            for (int read; (read = await stream.ReadAsync(buffer, patience.Token)) > 0;)
            {
                answer.Append(Encoding.Latin1.GetString(buffer, 0, read));
                if (IsWhole(answer.ToString()))
                    break;
            }
        }
        catch (IOException)
        {
            // Reset after its answer: what was not read by then is lost, what was is here.
        }
        client.Close();
        await sending;
        return answer.ToString();
    }

    // An error that closes the connection, or one good answer with its second.
    private static bool IsWhole(string answer) => answer.Contains("\r\n\r\n", StringComparison.Ordinal) && !answer.StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal)
        || answer.Contains("HTTP/1.1 400 ", StringComparison.Ordinal);

    /// <summary>The process's peak of memory in bytes; the node runs in it.</summary>
    private static long Peak() => 1024 * long.Parse(File.ReadLines("/proc/self/status").First(l => l.StartsWith("VmHWM:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
}
