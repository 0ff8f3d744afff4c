using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Trove.Tests.Node;

/// <summary>
/// A platform on this machine: an HTTP proxy (CONNECT) that speaks TLS in the names of the platform's hosts, under a certificate of its own authority, and
/// answers as it is told, byte by byte.
/// </summary>
internal sealed class PlatformServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentBag<Task> _connections = [];
    private readonly Task _serving;
    private readonly X509Certificate2 _certificate;

    public PlatformServer(params string[] hosts)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authority = new CertificateRequest("CN=Trove test authority", key, HashAlgorithmName.SHA256);
        authority.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var root = authority.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        Authority = root.ExportCertificatePem();
        using var own = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={hosts[0]}", own, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        foreach (var host in hosts)
            names.AddDnsName(host);
        request.CertificateExtensions.Add(names.Build());
        using var signed = request.Create(root, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1), RandomNumberGenerator.GetBytes(8));
        using var pair = signed.CopyWithPrivateKey(own);
        _certificate = X509CertificateLoader.LoadPkcs12(pair.Export(X509ContentType.Pfx), null);
        _listener.Start();
        _serving = ServeAsync();
    }

    /// <summary>The certificate that its own is signed by, as PEM.</summary>
    public string Authority { get; }

    /// <summary>The proxy, as HTTPS_PROXY names it.</summary>
    public Uri Proxy => new($"http://{_listener.LocalEndpoint}");

    /// <summary>Requests in their order, after TLS.</summary>
    public ConcurrentQueue<string> Requests { get; } = [];

    /// <summary>What was to be connected to.</summary>
    public ConcurrentQueue<string> Connected { get; } = [];

    /// <summary>Answers a request, given its path.</summary>
    public Func<string, Stream, CancellationToken, Task> Answer { get; set; } = (_, to, ct) => WriteAsync(to, 404, "{}", ct);

    /// <summary>Writes a whole answer.</summary>
    public static async Task WriteAsync(Stream to, int status, string body, CancellationToken ct, string type = "application/json; charset=UTF-8", string header = "")
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        await to.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {status} S\r\nContent-Type: {type}\r\nContent-Length: {bytes.Length}\r\n{header}\r\n"), ct);
        await to.WriteAsync(bytes, ct);
    }

    public async ValueTask DisposeAsync()
    {
        if (_end.IsCancellationRequested)
            return;
        await _end.CancelAsync();
        await _serving;
        _listener.Stop(); // not before: who is between two connections would find it stopped
        await Task.WhenAll(_connections);
        _certificate.Dispose();
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
                _connections.Add(ServeAsync(await _listener.AcceptSocketAsync(_end.Token)));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The end.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        try
        {
            socket.NoDelay = true; // else the second of two writes waits 40 ms for the client's acknowledgement
            await using var plain = new NetworkStream(socket, ownsSocket: true);
            var connect = await HeadAsync(plain);
            if (!connect.StartsWith("CONNECT ", StringComparison.Ordinal))
                return;
            Connected.Enqueue(connect.Split(' ')[1]);
            await plain.WriteAsync("HTTP/1.1 200 Connected\r\n\r\n"u8.ToArray(), _end.Token);
            await using var tls = new SslStream(plain);
            await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = _certificate }, _end.Token);
            while (await HeadAsync(tls) is { Length: > 0 } head)
            {
                Requests.Enqueue(head + await BodyAsync(tls, head));
                await Answer(head.Split(' ')[1], tls, _end.Token);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or SocketException or System.Security.Authentication.AuthenticationException or ObjectDisposedException)
        {
            // Gone.
        }
    }

    private async Task<string> HeadAsync(Stream from)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal) && await from.ReadAsync(one, _end.Token) == 1)
            head.Append((char)one[0]);
        return head.ToString();
    }

    private async Task<string> BodyAsync(Stream from, string head)
    {
        const string name = "\r\nContent-Length: ";
        if (!head.Contains(name, StringComparison.Ordinal))
            return "";
        var body = new byte[int.Parse(head.Split(name)[1].Split('\r')[0], CultureInfo.InvariantCulture)];
        await from.ReadExactlyAsync(body, _end.Token);
        return Encoding.UTF8.GetString(body);
    }
}
