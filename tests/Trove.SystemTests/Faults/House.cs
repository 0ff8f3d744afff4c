using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Trove.Chain.Durability;
using Trove.Crypto;
using Trove.Node.Protocol;
using Trove.SystemTests.Story;

namespace Trove.SystemTests.Faults;

/// <summary>What can be killed.</summary>
internal enum Victim
{
    /// <summary>The node; its chain and its database go with it.</summary>
    Node,

    /// <summary>anvil.</summary>
    Chain,

    /// <summary>PostgreSQL, all its processes.</summary>
    Database,

    /// <summary>One verifier.</summary>
    Verifier,

    /// <summary>One guardian.</summary>
    Guardian,

    /// <summary>The runner, and the executor with it.</summary>
    Runner,

    /// <summary>Everything at once, and what was not synced to disk is gone.</summary>
    Machine,
}

/// <summary>
/// A node, two verifiers, three guardians and a runner, each the real program as a process of its own; what dies is started again,
/// as a service manager would.
/// </summary>
internal sealed class House : IAsyncDisposable
{
    private const string Passphrase = "a passphrase of this test";
    private const int EndedBySigTerm = 128 + 15; // the runtime's own answer, before the program has given one
    private static readonly TimeSpan Young = TimeSpan.FromMinutes(1);

    private readonly Dictionary<string, (Victim Role, string[] Arguments)> _services = [];
    private readonly Dictionary<string, TroveCli> _running = [];
    private readonly Dictionary<string, long> _startedAt = [];
    private readonly List<(string Name, KeyFile Key)> _keys = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly StringBuilder _log = new(), _said = new();
    private Task _supervision = Task.CompletedTask;
    private bool _paused;
    private string _last = "";

    private House(string folder) => Folder = folder;

    public string Folder { get; }
    public string Data => Path.Combine(Folder, "data");
    public string Faults => Path.Combine(Folder, "faults");
    public Uri Node { get; private set; } = null!;
    public TroveClient Client { get; private set; } = null!;

    /// <summary>How often something was started again.</summary>
    public int Restarts { get; private set; }

    /// <summary>All that the services wrote to standard error, the dead ones' too.</summary>
    public string Said
    {
        get
        {
            lock (_gate)
                return _said + string.Concat(_running.Values.Select(r => r.Error));
        }
    }

    /// <summary>What happened, for a test that failed.</summary>
    public string Log
    {
        get
        {
            lock (_gate)
                return _log.ToString();
        }
    }

    public static async Task<House> StartAsync()
    {
        var house = new House(TestFolder.Create());
        Directory.CreateDirectory(house.Data);
        Directory.CreateDirectory(house.Faults);
        File.WriteAllText(house.Pass, Passphrase + "\n");
        foreach (var name in (string[])["founder", "verifier1", "verifier2", "guardian1", "guardian2", "guardian3", "runner", "buyer", "maya", "ada"])
        {
            var key = KeyFile.Create();
            using var secret = new SecretBytes(Encoding.ASCII.GetBytes(Passphrase));
            key.Save(house.KeyPath(name), secret, workFactor: 10);
            house._keys.Add((name, key));
        }
        using (var listener = new TcpListener(IPAddress.Loopback, 0))
        {
            listener.Start();
            house.Node = new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");
        }
        house.Client = new TroveClient(house.Node, longRunning: true);
        house._services["node"] = (Victim.Node, ["node", "--data", house.Data, "--port", $"{house.Node.Port}"]);
        foreach (var name in (string[])["verifier1", "verifier2"])
            house._services[name] = (Victim.Verifier, ["verifier", .. house.Signing(name)]);
        foreach (var name in (string[])["guardian1", "guardian2", "guardian3"])
            house._services[name] = (Victim.Guardian, ["guardian", .. house.Signing(name), "--data", Path.Combine(house.Folder, "guardians"), "--confirmations", "0"]);
        house._services["runner"] = (Victim.Runner, ["runner", .. house.Signing("runner")]);
        house.Start("node");
        await house.UpAsync();
        foreach (var name in house._services.Keys.Where(n => n != "node"))
            house.Start(name);
        house._supervision = house.SuperviseAsync();
        return house;
    }

    /// <summary>Arguments of a command that signs, at this node.</summary>
    public string[] Signing(string who) => ["--key", KeyPath(who), "--passphrase-file", Pass, "--node", Node.ToString()];

    /// <summary>Somebody's keys.</summary>
    public KeyFile Key(string name) => _keys.Single(k => k.Name == name).Key;

    /// <summary>Waits until the node answers.</summary>
    public async Task UpAsync()
    {
        for (int i = 0; ; i++)
        {
            try
            {
                await Client.InfoAsync(default);
                return;
            }
            catch (TroveApiException e)
            {
                Assert.True(i < 600, $"the node does not come up: {e.Message}\n{Log}");
                await Task.Delay(200);
            }
        }
    }

    public void Note(string line)
    {
        lock (_gate)
            if (line != _last) // who tries a hundred times fails in the same way
                _log.AppendLine($"{DateTime.UtcNow:HH:mm:ss.fff} {_last = line}");
    }

    /// <summary>Kills -9, all at the same moment as near as can be.</summary>
    /// <param name="victims">Whom.</param>
    /// <param name="stopped">The process that stands still at a fault point; among several of a kind it is the one.</param>
    /// <param name="chance">Picks one of several of a kind otherwise.</param>
    public async Task KillAsync(IReadOnlyCollection<Victim> victims, int stopped, Random chance)
    {
        if (victims.Contains(Victim.Machine))
        {
            await CrashAsync();
            return;
        }
        var pids = new List<int>();
        lock (_gate)
            foreach (var victim in victims)
            {
                var alive = _running.Where(r => _services[r.Key].Role == victim && !r.Value.HasExited).Select(r => r.Value.Id).ToList();
                if (victim is Victim.Chain or Victim.Database)
                    pids.AddRange(Processes.Tree(_running["node"].Id).Where(p => Processes.Read(p, "cmdline").Contains(victim == Victim.Chain ? "anvil" : "postgres", StringComparison.Ordinal)));
                else if (alive.Count > 0)
                    pids.Add(alive.Contains(stopped) ? stopped : alive[chance.Next(alive.Count)]);
            }
        foreach (int pid in pids)
            TroveCli.Signal(pid, "KILL");
        await Task.Delay(1);
    }

    /// <summary>Lets a process that stands still go on; one that is dead does not mind.</summary>
    public static void Continue(int process) => TroveCli.Signal(process, "CONT");

    /// <summary>Stops everything as a service manager does, and says with which exit codes.</summary>
    public async Task<IReadOnlyList<(string Name, int Code)>> StopAsync()
    {
        await _stop.CancelAsync();
        await _supervision;
        var codes = new List<(string, int)>();
        foreach (var (name, service) in _running.OrderBy(r => r.Key == "node"))
        {
            bool young = Stopwatch.GetElapsedTime(_startedAt[name]) < Young;
            await service.StopAsync();
            int code = (await service.EndAsync()).Code;
            codes.Add((name, young && code == EndedBySigTerm ? 0 : code));
        }
        return codes;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _supervision;
        foreach (var service in _running.Values)
            await service.DisposeAsync();
        Client.Dispose();
        foreach (var (_, key) in _keys)
            key.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private string Pass => Path.Combine(Folder, "pass.txt");

    private string KeyPath(string name) => Path.Combine(Folder, name + ".key");

    private void Start(string name)
    {
        _startedAt[name] = Stopwatch.GetTimestamp();
        _running[name] = TroveCli.Start(Folder, new Dictionary<string, string> { [FaultPoint.Variable] = Faults }, _services[name].Arguments);
    }

    private async Task SuperviseAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            lock (_gate)
                foreach (var (name, dead) in _paused ? [] : _running.Where(r => r.Value.HasExited).ToList())
                {
                    _log.AppendLine($"{DateTime.UtcNow:HH:mm:ss.fff} {name} ended and is started again; it said: {string.Join(" | ", dead.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).TakeLast(3))}");
                    _said.Append(dead.Error);
                    Start(name);
                    Restarts++;
                }
            await Task.WhenAny(Task.Delay(100, _stop.Token));
        }
    }

    // A power failure: nobody moves any more, what no fsync has written is taken away, and only then everything dies.
    private async Task CrashAsync()
    {
        List<int> all;
        lock (_gate)
        {
            _paused = true;
            all = [.. _running.Values.Where(r => !r.HasExited).SelectMany(r => Processes.Tree(r.Id)).Distinct()];
        }
        foreach (int pid in all)
            TroveCli.Signal(pid, "STOP");
        int dropped = PowerFailure.DropUnsynced(Path.Combine(Faults, DurableFile.SyncLog), [Data, Path.Combine(Folder, "guardians")], Path.Combine(Data, "postgres"));
        Note($"power failure: {dropped} files or ends of files were not synced and are gone");
        foreach (int pid in all)
            TroveCli.Signal(pid, "KILL");
        while (Processes.Naming(Data).Count > 0)
            await Task.Delay(20);
        lock (_gate)
            _paused = false;
    }
}
