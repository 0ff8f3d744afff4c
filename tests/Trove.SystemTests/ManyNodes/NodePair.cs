using System.Net;
using System.Net.Sockets;
using Trove.Node.Protocol;
using Trove.SystemTests.Story;
using Trove.SystemTests.Uses;

namespace Trove.SystemTests.ManyNodes;

/// <summary>
/// Two node processes on one database, one blob folder and one chain. While <see cref="KillAsync"/> runs, either is killed at
/// moments that a seed chooses; whoever asks turns to the other one.
/// </summary>
internal sealed class NodePair : IAsyncDisposable
{
    private static readonly TimeSpan LongEnough = TimeSpan.FromMinutes(5);
    private readonly string _folder;
    private readonly string[] _arguments;
    private readonly int[] _ports = [FreePort(), FreePort()];
    private readonly TroveCli[] _nodes = new TroveCli[2];
    private readonly TroveClient[] _clients;
    private int _turn;

    private NodePair(string folder, string[] arguments)
    {
        (_folder, _arguments) = (folder, arguments);
        _clients = [.. _ports.Select(p => new TroveClient(new Uri($"http://127.0.0.1:{p}")))];
    }

    public int Kills { get; private set; }

    /// <summary>Each node by itself.</summary>
    public IReadOnlyList<TroveClient> Clients => _clients;

    /// <summary>Starts both at the same moment, on an empty database.</summary>
    public static async Task<NodePair> StartAsync(string folder, params string[] arguments)
    {
        var pair = new NodePair(folder, arguments);
        for (int i = 0; i < 2; i++)
            pair.Start(i);
        for (int i = 0; i < 2; i++)
            await pair.WaitUntilUpAsync(i);
        return pair;
    }

    /// <summary>Asks the nodes in turn until one answers. The question may be asked twice: it says itself what it takes for an answer.</summary>
    public async Task<T> AskAsync<T>(Func<TroveClient, Task<T>> ask)
    {
        using var limit = new CancellationTokenSource(LongEnough);
        while (true)
        {
            try
            {
                return await ask(_clients[Interlocked.Increment(ref _turn) & 1]);
            }
            catch (TroveApiException e) when (e.Status is 0 or 429 or >= 500)
            {
                await Task.Delay(100, limit.Token); // dead, or it has just come back
            }
            catch (IOException)
            {
                await Task.Delay(100, limit.Token); // died while it answered
            }
        }
    }

    /// <summary>The same for a question without an answer.</summary>
    public Task AskAsync(Func<TroveClient, Task> ask) => AskAsync(async client =>
    {
        await ask(client);
        return true;
    });

    /// <summary>Asks the nodes in turn until the answer is yes.</summary>
    public Task UntilAsync(Func<TroveClient, Task<bool>> done) => UseFixture.WaitAsync(() => AskAsync(done));

    /// <summary>Does what happens once. The first try may have had its effect and lost its answer; then the second is refused, and the effect is there.</summary>
    public Task OnceAsync(Func<TroveClient, Task> act, Func<TroveClient, Task<bool>> happened) => AskAsync(async c =>
    {
        if (await happened(c))
            return;
        try
        {
            await act(c);
        }
        catch (TroveApiException e) when (e.Status == 409)
        {
            await UseFixture.WaitAsync(() => happened(c));
        }
    });

    /// <summary>kill -9 of one node or the other, again and again, until told to stop; then both are up.</summary>
    public async Task KillAsync(Random chance, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await Task.WhenAny(Task.Delay(chance.Next(200, 3000), stop));
            int victim = chance.Next(2);
            TroveCli.Signal(_nodes[victim].Id, "KILL");
            Assert.Equal(137, (await _nodes[victim].EndAsync()).Code);
            await _nodes[victim].DisposeAsync();
            Kills++;
            Start(victim);
            if (chance.Next(3) > 0)
                await WaitUntilUpAsync(victim); // else the next kill may come while it starts
        }
        for (int i = 0; i < 2; i++)
            await WaitUntilUpAsync(i);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
            await node.DisposeAsync();
        foreach (var client in _clients)
            client.Dispose();
    }

    private void Start(int node)
    {
        var data = Path.Combine(_folder, $"node-{node}");
        Directory.CreateDirectory(data);
        _nodes[node] = TroveCli.Start(data, ["node", "--data", data, "--port", $"{_ports[node]}", .. _arguments]);
    }

    private async Task WaitUntilUpAsync(int node)
    {
        using var limit = new CancellationTokenSource(LongEnough);
        while (true)
        {
            try
            {
                await _clients[node].InfoAsync(limit.Token);
                return;
            }
            catch (TroveApiException)
            {
                Assert.False(_nodes[node].HasExited, _nodes[node].Error);
                await Task.Delay(100, limit.Token);
            }
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
