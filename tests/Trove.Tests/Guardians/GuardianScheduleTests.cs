using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Node.Guardians;
using Trove.Node.Protocol;
using Trove.Tests.Ceremonies;

namespace Trove.Tests.Guardians;

/// <summary>
/// A key is made and handed on while messages are lost, doubled and out of order, guardians are killed before and after what they
/// send, the relay closes early, gives up or says so falsely, and each guardian sees the chain late. Whatever is on chain in the end,
/// its members hold the shares of it and nobody holds others; and nobody ever signed two messages for one round.
/// </summary>
public sealed class GuardianScheduleTests(ITestOutputHelper output)
{
    private const int Schedules = 8;

    [Fact]
    public async Task Any_schedule()
    {
        var ends = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int seed = 0; seed < Schedules; seed++)
        {
            using var world = new World(seed);
            await world.TellAsync();
            ends[world.End] = ends.GetValueOrDefault(world.End) + 1;
        }
        output.WriteLine(string.Join(", ", ends.Select(e => $"{e.Key}: {e.Value}")));
        Assert.True(ends.Count > 2, "schedules differ");
    }

    private sealed class World : IDisposable
    {
        private readonly Random _random;
        private readonly Chain _chain = new();
        private readonly List<Keeper> _keepers;
        private readonly Dictionary<Keeper, Chain> _seen = [];
        private readonly List<Relay> _attempts = [];
        private readonly HashSet<Keeper> _dead = [];
        private int _kills;
        private bool _calm;

        public World(int seed)
        {
            _random = new Random(seed);
            _keepers = [.. Enumerable.Range(0, 3).Select(number =>
            {
                var chain = new Chain();
                var keeper = new Keeper(number, chain, Relay.Of());
                keeper.Relay = new CeremonyRelay(_ => ListAsync(keeper), (id, _) => GetAsync(keeper, id), (id, message, _) => SendAsync(keeper, id, message));
                _seen[keeper] = chain;
                return keeper;
            })];
        }

        public string End { get; private set; } = "";

        public async Task TellAsync()
        {
            var first = Guild.Committee(1, 2, 0, 1);
            var creation = await EraAsync(nonce => Guild.Creation(first, nonce));
            var next = _random.Next(2) == 0 ? Guild.Committee(2, 1, 2, 1) : Guild.Committee(2, 2, 1, 0);
            _chain.Invite(Guild.Registry, next);
            var done = new Outcome(first, creation.Coordinator.Key!, creation.Coordinator.OprfKey!, []);
            await EraAsync(nonce => Guild.Change(done, next, nonce));
            End = $"{_attempts.Count} attempts, {_kills} kills";
        }

        // Attempts until one is on chain.
        private async Task<Relay> EraAsync(Func<byte, CeremonyTerms> terms)
        {
            Relay? chosen = null;
            for (int step = 0; chosen is null; step++)
            {
                Assert.True(step < 20_000, "no attempt succeeds");
                var open = _attempts.Where(a => !a.Over && a.Terms.New.Epoch == terms(0).New.Epoch).ToList();
                if (open.Count == 0 || (step > 400 && step % 400 == 0))
                    _attempts.Add(new Relay(terms((byte)(_attempts.Count + 1))));
                await StepAsync();
                foreach (var relay in open)
                {
                    if (relay.Coordinator.Complete && _random.Next(3) == 0 || _random.Next(400) == 0)
                        relay.Coordinator.Close();
                    relay.State = _random.Next(200) == 0 ? "failed" : _random.Next(10) == 0 ? null : relay.State; // for a while
                }
                if (_random.Next(8) == 0) // all confirmed, and the relay may have called it failed
                    chosen = _attempts.FirstOrDefault(a => a.Coordinator.Key is not null && a.Terms.New.Epoch == terms(0).New.Epoch);
            }
            _chain.Put(chosen.Coordinator);
            for (int i = 0; i < 30; i++)
                await StepAsync();
            _attempts.ForEach(a => a.State = null);
            _calm = true;
            foreach (var keeper in _keepers)
            {
                See(keeper);
                await keeper.StepAsync();
                keeper.Kill();
                await keeper.StepAsync();
                Judge(keeper, chosen);
            }
            _calm = false;
            Assert.All(_attempts.SelectMany(a => a.Sent), s => Assert.Single(s.Value));
            return chosen;
        }

        private void Judge(Keeper keeper, Relay chosen)
        {
            bool member = chosen.Terms.New.IndexOf(keeper.Address) > 0;
            Assert.Equal(member ? [$"share-{Guild.Registry}-{chosen.Terms.New.Epoch}.age"] : [], keeper.Files().Where(f => f.StartsWith("share", StringComparison.Ordinal)));
            Assert.DoesNotContain(keeper.Store.Kept, k => k.Epoch <= chosen.Terms.New.Epoch);
            if (!member)
                return;
            using var shares = keeper.Store.SharesAsync(Guild.Registry, chosen.Terms.New.Epoch).GetAwaiter().GetResult();
            Assert.True(shares!.Matches(chosen.Coordinator.Key!, chosen.Coordinator.OprfKey!));
        }

        private async Task StepAsync()
        {
            var keeper = _keepers[_random.Next(_keepers.Count)];
            if (_random.Next(4) == 0)
                See(keeper);
            try
            {
                await keeper.StepAsync();
            }
            catch (IOException)
            {
                // The process tries again.
            }
            if (_dead.Remove(keeper) || _random.Next(40) == 0)
            {
                _kills++;
                keeper.Kill();
            }
        }

        private void See(Keeper keeper)
        {
            foreach (var (registry, facts) in _chain.Registries)
                _seen[keeper].Registries[registry] = facts;
        }

        private Task<IReadOnlyList<CeremonyInfo>> ListAsync(Keeper keeper) => !_calm && _random.Next(12) == 0
            ? throw new IOException("the node is away")
            : Task.FromResult<IReadOnlyList<CeremonyInfo>>([.. _attempts.Where(a => a.Terms.SeatOf(keeper.Address) >= 0 && _random.Next(12) > 0).Select(a => a.Info(false))]);

        // Some of what there is, in any order, some of it twice; and something of another ceremony.
        private Task<CeremonyInfo> GetAsync(Keeper keeper, Hash32 id)
        {
            if (_dead.Contains(keeper))
                throw new IOException("killed");
            var info = _attempts.Single(a => a.Terms.Id == id).Info(true);
            var strange = _attempts[_random.Next(_attempts.Count)].Info(true);
            var messages = info.Messages.Where(_ => _random.Next(8) > 0).SelectMany(m => Enumerable.Repeat(m, 1 + _random.Next(2))).Concat(strange.Messages.Take(2)).Append("AAAA").ToArray();
            _random.Shuffle(messages);
            return Task.FromResult(info with { Messages = messages, Closings = [.. info.Closings.Where(_ => _random.Next(8) > 0)] });
        }

        private Task SendAsync(Keeper keeper, Hash32 id, byte[] message)
        {
            int fate = _dead.Contains(keeper) ? 0 : _calm ? 1 : _random.Next(20);
            if (fate > 1)
                _attempts.Single(a => a.Terms.Id == id).Take(message);
            if (fate is not (0 or 2))
                return Task.CompletedTask;
            _dead.Add(keeper); // killed when its state was sealed, before or after the message went out
            throw new IOException("killed");
        }

        public void Dispose() => _keepers.ForEach(k => k.Dispose());
    }
}
