using System.Net;
using System.Net.Sockets;
using Trove.Chain.Durability;
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
    private readonly Dictionary<string, string> _environment;
    private readonly int[] _ports = [FreePort(), FreePort()];
    private readonly TroveCli[] _nodes = new TroveCli[2];
    private readonly TroveClient[] _clients;
    private int _turn;

    private NodePair(string folder, string[] arguments)
    {
        (_folder, _arguments, _environment) = (folder, arguments, new() { [FaultPoint.Variable] = Path.Combine(folder, "faults") });
        _clients = [.. _ports.Select(p => new TroveClient(new Uri($"http://127.0.0.1:{p}")))];
    }

    public int Kills { get; private set; }

    /// <summary>Each node by itself.</summary>
    public IReadOnlyList<TroveClient> Clients => _clients;

    /// <summary>Starts both at the same moment, on an empty database.</summary>
    public static async Task<NodePair> StartAsync(string folder, params string[] arguments)
    {
        var pair = new NodePair(folder, arguments);
        Directory.CreateDirectory(pair._environment[FaultPoint.Variable]);
        for (int i = 0; i < 2; i++)
            pair.Start(i);
        for (int i = 0; i < 2; i++)
            await pair.WaitUntilUpAsync(i);
        return pair;
    }

    /// <summary>Asks the nodes in turn until one answers. The question may be asked twice: it says itself what it takes for an answer.</summary>
    public Task<T> AskAsync<T>(Func<TroveClient, Task<T>> ask) => AskAsync(() => _clients[Interlocked.Increment(ref _turn) & 1], ask);

    /// <summary>The same for a question without an answer.</summary>
    public Task AskAsync(Func<TroveClient, Task> ask) => AskAsync(async client =>
    {
        await ask(client);
        return true;
    });

    /// <summary>Asks the nodes in turn until the answer is yes.</summary>
    public Task UntilAsync(Func<TroveClient, Task<bool>> done) => UseFixture.WaitAsync(() => AskAsync(done));

    /// <summary>Does what happens once. The first try may have had its effect and lost its answer; then the second is refused, and the effect is there.</summary>
    public Task OnceAsync(Func<TroveClient, Task> act, Func<TroveClient, Task<bool>> happened) => AskAsync(c => OnceAsync(c, act, happened));

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

    /// <summary>
    /// As <see cref="OnceAsync(Func{TroveClient, Task}, Func{TroveClient, Task{bool}})"/>, asked of both: the first node stands still when
    /// it comes to the fault point, and goes on when the second one has answered.
    /// </summary>
    public async Task FreezeAsync(string point, Func<TroveClient, Task> act, Func<TroveClient, Task<bool>> happened)
    {
        var armed = Path.Combine(_environment[FaultPoint.Variable], point);
        await File.WriteAllTextAsync(armed, "");
        var asked = AskAsync(() => _clients[0], c => OnceAsync(c, act, happened));
        await UseFixture.WaitAsync(() => Task.FromResult(File.Exists($"{armed}.{_nodes[0].Id}")));
        try
        {
            await AskAsync(() => _clients[1], c => OnceAsync(c, act, happened)).WaitAsync(LongEnough); // a request that waits for the first would wait for ever
            Assert.False(asked.IsCompleted);
        }
        finally
        {
            TroveCli.Signal(_nodes[0].Id, "CONT");
        }
        await asked.WaitAsync(LongEnough);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
            await node.DisposeAsync();
        foreach (var client in _clients)
            client.Dispose();
    }

    private static async Task<T> AskAsync<T>(Func<TroveClient> next, Func<TroveClient, Task<T>> ask)
    {
        using var limit = new CancellationTokenSource(LongEnough);
        while (true)
        {
            try
            {
                return await ask(next());
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

    private static async Task<bool> OnceAsync(TroveClient client, Func<TroveClient, Task> act, Func<TroveClient, Task<bool>> happened)
    {
        if (await happened(client))
            return true;
        try
        {
            await act(client);
        }
        catch (TroveApiException e) when (e.Status == 409)
        {
            await UseFixture.WaitAsync(() => happened(client));
        }
        return true;
    }

    private void Start(int node)
    {
        var data = Path.Combine(_folder, $"node-{node}");
        Directory.CreateDirectory(data);
        _nodes[node] = TroveCli.Start(data, _environment, ["node", "--data", data, "--port", $"{_ports[node]}", .. _arguments]);
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
