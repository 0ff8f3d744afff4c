using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Trove.Crypto.Dkim;

namespace Trove.Node.Dns;

/// <summary>
/// Asks recursive resolvers for TXT records, which .NET has no call for: by UDP, and by TCP where the answer is longer. Every question has
/// a socket and a number of its own, so that a forger has to guess both. Answers are as good as the resolver: DNSSEC is left to it.
/// </summary>
public sealed class TxtResolver
{
    private const int Port = 53, Rounds = 2, MostServers = 3;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly Func<IReadOnlyList<IPEndPoint>> _servers;
    private readonly TimeSpan _patience;

    /// <summary>Asks these resolvers, in this order.</summary>
    /// <param name="servers">At least one; three are asked at most.</param>
    /// <param name="patience">How long to wait for each; 3 seconds when null.</param>
    public TxtResolver(IReadOnlyList<IPEndPoint> servers, TimeSpan? patience = null)
    {
        if (servers.Count == 0)
            throw new ArgumentException("there is no resolver to ask");
        _servers = () => servers;
        _patience = patience ?? Patience;
    }

    private TxtResolver() => (_servers, _patience) = (ReadServers, Patience);

    /// <summary>
    /// The resolvers of this machine, as <c>/etc/resolv.conf</c> names them when it asks (resolv.conf(5)): it may run for months on a machine
    /// that moves. Where it names none there is no answer.
    /// </summary>
    public static TxtResolver OfMachine() => new();

    private static IReadOnlyList<IPEndPoint> ReadServers()
    {
        try
        {
            return ParseServers(File.ReadAllText("/etc/resolv.conf"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    internal static IReadOnlyList<IPEndPoint> ParseServers(string configuration) =>
        [.. configuration.Split('\n').Select(line => line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
            .Where(words => words is ["nameserver", ..] && words.Length > 1 && IPAddress.TryParse(words[1], out _))
            .Select(words => new IPEndPoint(IPAddress.Parse(words[1]), Port))];

    /// <summary>The TXT records of a name. A resolver that fails or is silent is followed by the next.</summary>
    /// <exception cref="ArgumentException">It is no name.</exception>
    public async Task<TxtAnswer> LookUpAsync(string name, CancellationToken ct)
    {
        IReadOnlyList<IPEndPoint> servers = [.. _servers().Take(MostServers)];
        for (int round = 0; round < Rounds; round++)
        {
            foreach (var server in servers)
            {
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
                limit.CancelAfter(_patience);
                try
                {
                    if (await AskAsync(server, name, limit.Token) is { Failed: false } answer)
                        return answer;
                }
                catch (OperationCanceledException) when (!ct.IsCancellationRequested)
                {
                    // Silent.
                }
                catch (Exception e) when (e is SocketException or IOException)
                {
                    // Not there.
                }
            }
        }
        return new TxtAnswer([], Failed: true);
    }

    private static async Task<TxtAnswer?> AskAsync(IPEndPoint server, string name, CancellationToken ct)
    {
        var question = DnsMessage.Ask(BinaryPrimitives.ReadUInt16LittleEndian(RandomNumberGenerator.GetBytes(2)), name);
        using var socket = new Socket(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        await socket.ConnectAsync(server, ct); // so that nobody else's packets come in
        await socket.SendAsync(question, ct);
        var buffer = new byte[4096];
        while (true)
        {
            int length = await socket.ReceiveAsync(buffer, ct);
            if (DnsMessage.Read(question, buffer.AsSpan(0, length), out bool truncated) is { } answer)
                return truncated ? await AskByTcpAsync(server, question, ct) : answer;
        }
    }

    // Each message behind its length (RFC 1035 section 4.2.2).
    private static async Task<TxtAnswer?> AskByTcpAsync(IPEndPoint server, byte[] question, CancellationToken ct)
    {
        using var socket = new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(server, ct);
        await using var stream = new NetworkStream(socket);
        await stream.WriteAsync((byte[])[(byte)(question.Length >> 8), (byte)(question.Length & 0xFF), .. question], ct);
        var size = new byte[2];
        await stream.ReadExactlyAsync(size, ct);
        var message = new byte[BinaryPrimitives.ReadUInt16BigEndian(size)];
        await stream.ReadExactlyAsync(message, ct);
        return DnsMessage.Read(question, message, out _);
    }
}
