using Microsoft.Extensions.Logging;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Guardians;
using Trove.Tests.Ceremonies;

namespace Trove.Tests.Guardians;

/// <summary>A guardian's process as far as ceremonies go: a folder, and what is in memory until it is killed.</summary>
internal sealed class Keeper : IDisposable
{
    private static readonly X25519Identity[] Identities = [.. Enumerable.Range(0, 8).Select(_ => X25519Identity.Generate())];

    private readonly int _number;
    private readonly IReadOnlyCollection<Address> _assets;
    private GuardianCeremonies? _running;

    public Keeper(int number, Chain chain, CeremonyRelay relay, params Address[] assets)
    {
        (_number, Chain, Relay, _assets) = (number, chain, relay, assets);
        // In memory where there is such a folder: thousands of schedules sync at each step.
        Folder = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"trove-keeper-{Guid.NewGuid():N}");
        Directory.CreateDirectory(Folder);
    }

    public string Folder { get; }

    public Chain Chain { get; }

    public CeremonyRelay Relay { get; set; }

    public ShareStore Store { get; private set; } = null!;

    public Clock Time { get; } = new();

    public Journal Said { get; } = new();

    public Address Address => Guild.Key(_number).Address;

    /// <summary>Everything that is in memory is lost.</summary>
    public void Kill()
    {
        _running?.Dispose();
        _running = null;
    }

    /// <summary>One step of the process, started if it is not running, a while after the last.</summary>
    public async Task StepAsync()
    {
        if (_running is null)
        {
            Store = await ShareStore.OpenAsync(Folder, Identities[_number % Identities.Length]);
            _running = new GuardianCeremonies(Store, Guild.Key(_number), Chain.View, Relay, _assets, new GuardianRecords(Folder, Address, new GuardianLimits(), Said, Time), Said, Time);
        }
        Time.Pass(TimeSpan.FromMinutes(2));
        await _running.StepAsync(default);
    }

    /// <summary>What its log has of ceremonies, the oldest first.</summary>
    public IReadOnlyList<(string Outcome, uint Epoch)> Logged => [.. GuardianLogReader.Newest(GuardianLog.Files(Folder)).Reverse().Where(e => e.Registry is not null).Select(e => (e.Outcome, e.CommitteeEpoch!.Value))];

    public IEnumerable<string> Files(string pattern = "*.age") => Directory.EnumerateFiles(Folder, pattern).Select(f => Path.GetFileName(f)).Order();

    public void Dispose()
    {
        Kill();
        Directory.Delete(Folder, recursive: true);
    }

    internal sealed class Clock : TimeProvider
    {
        private long _ticks = TimeSpan.TicksPerDay;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Pass(TimeSpan time) => _ticks += time.Ticks;

        public override long GetTimestamp() => _ticks;
    }

    internal sealed class Journal : ILogger
    {
        public List<(string? Event, string Text)> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Lines.Add((eventId.Name, formatter(state, exception)));
    }
}
