using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Trove.Tests.Node;

/// <summary>A resolver on this machine, over UDP and TCP, which answers as it is told.</summary>
internal sealed class DnsServer : IAsyncDisposable
{
    private readonly Socket _udp = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly TcpListener _tcp;
    private readonly CancellationTokenSource _end = new();
    private readonly Task _serving;

    public DnsServer()
    {
        // The same port for both, which another process may have of one of them.
        for (int attempt = 0; ; attempt++)
        {
            _tcp = new TcpListener(IPAddress.Loopback, 0);
            _tcp.Start();
            try
            {
                _udp.Bind(_tcp.LocalEndpoint);
                break;
            }
            catch (SocketException) when (attempt < 100)
            {
                _tcp.Dispose();
            }
        }
        _serving = Task.WhenAll(ServeUdpAsync(), ServeTcpAsync());
    }

    public IPEndPoint Address => (IPEndPoint)_udp.LocalEndPoint!;

    /// <summary>Makes the answers to a question; the second argument: over TCP?</summary>
    public Func<byte[], bool, byte[][]> Answer { get; set; } = (_, _) => [];

    public int Asked { get; private set; }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _serving;
        _udp.Dispose();
        _tcp.Dispose();
        _end.Dispose();
    }

    private async Task ServeUdpAsync()
    {
        var buffer = new byte[512];
        try
        {
            while (true)
            {
                var got = await _udp.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), _end.Token);
                Asked++;
                foreach (var answer in Answer(buffer[..got.ReceivedBytes], false))
                    await _udp.SendToAsync(answer, got.RemoteEndPoint, _end.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    private async Task ServeTcpAsync()
    {
        try
        {
            while (true)
            {
                using var client = await _tcp.AcceptTcpClientAsync(_end.Token);
                var stream = client.GetStream();
                var size = new byte[2];
                await stream.ReadExactlyAsync(size, _end.Token);
                var question = new byte[size[0] << 8 | size[1]];
                await stream.ReadExactlyAsync(question, _end.Token);
                foreach (var answer in Answer(question, true))
                    await stream.WriteAsync((byte[])[(byte)(answer.Length >> 8), (byte)(answer.Length & 0xFF), .. answer], _end.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    // The question's header as an answer's, the question, then records.
    public static byte[] Reply(byte[] question, int flags, params byte[][] records) =>
        [question[0], question[1], (byte)(0x81 | flags >> 8), (byte)(0x80 | (flags & 0xFF)), 0, 1, 0, (byte)records.Length, 0, 0, 0, 0, .. question[12..^11], .. records.SelectMany(r => r)];

    public static byte[] Txt(params string[] texts) => Record([0xC0, 12], 16, [.. texts.SelectMany(t => Encoding.ASCII.GetBytes(t).Prepend((byte)t.Length))]);

    public static byte[] Cname(params string[] labels) => Record([0xC0, 12], 5, [.. Name(labels)]);

    public static byte[] Name(params string[] labels) => [.. labels.SelectMany(l => Encoding.ASCII.GetBytes(l).Prepend((byte)l.Length)), 0];

    public static byte[] Record(byte[] owner, byte type, byte[] data) => [.. owner, 0, type, 0, 1, 0, 0, 0, 60, (byte)(data.Length >> 8), (byte)(data.Length & 0xFF), .. data];
}
