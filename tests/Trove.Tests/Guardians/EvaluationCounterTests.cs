using FsCheck;
using FsCheck.Fluent;
using Trove.Core;
using Trove.Node.Evaluations;
using Trove.Node.Guardians;

namespace Trove.Tests.Guardians;

/// <summary>Who finds room on a day when somebody wants it all: whatever others do, in whatever order, and whenever the guardian starts anew.</summary>
public sealed class EvaluationCounterTests : IDisposable
{
    private const int Supply = 1000;
    private static readonly Hash32 Contribution = Keccak256.Hash([7]);
    private static readonly EvaluationLimits Small = new() { OfOwners = 20, OfStrangers = 10, InAll = 80 };

    // Of the votes of each asset but the last, where everybody has all: anybody may write such a contract.
    private static readonly int[] Votes = [500, 250, 100, 60, 40, 1, 0];

    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"trove-counter-{Guid.NewGuid():N}");
    private readonly Clock _clock = new();
    private int _named;

    private enum Who
    {
        Owner, Stranger, Verifier,
    }

    private sealed record Step(int Asset, Who Who, int Number, bool Restart);

    [Fact]
    public void Owners_find_room_for_their_part_whatever_others_use_up()
    {
        var limits = new EvaluationLimits();
        var counter = Open(limits, Entries(limits.OfStrangers, i => Draw(0) with { Owner = default }));
        Assert.False(counter.TryCount(Draw(1)));
        Assert.Equal(3, Granted(counter, 5, () => Draw(2), new VoteShare(3, 10_000)));
        Assert.Equal(1, Granted(counter, 5, () => Draw(3), new VoteShare(19_999, 100_000_000)));
        Assert.False(counter.TryCount(Draw(4), new VoteShare(1, 10_001)));
        Assert.True(counter.TryCount(Draw(4, asset: 1), new VoteShare(1, 10_001))); // among strangers, where there is room
    }

    // Not by one owner either, and strangers have their part when owners do not need theirs.
    [Fact]
    public void Strangers_have_their_part_however_much_owners_announce()
    {
        var limits = new EvaluationLimits();
        var counter = Open(limits, Entries(limits.OfOwners, _ => Draw(1)));
        Assert.Equal(2, Granted(counter, 2, () => Draw(2)));
        counter = Open(limits, Entries(limits.OfOwners + limits.OfStrangers - 1, i => i < limits.OfOwners ? Draw(1) : Draw(2) with { Owner = default }));
        Assert.Equal(1, Granted(counter, 3, () => Draw(1), new VoteShare(1, 1))); // all votes, and all its part is used up: it is the last stranger
    }

    // Somebody founds assets and is their owner, and their verifiers.
    [Fact]
    public void Assets_that_were_there_before_today_find_room_whoever_founds_others()
    {
        var limits = new EvaluationLimits();
        var counter = Open(limits, []);
        foreach (int asset in new[] { 0, 1 })
            Assert.True(counter.TryCount(Draw(1, asset)));
        _clock.Now += TimeSpan.FromDays(1);
        counter = Open(limits, Entries(limits.Shared, i => i % 2 == 0 ? Draw(i % 10, 10 + i % 30) : Question(i % 50, 10 + i % 30)));
        Assert.False(counter.TryCount(Draw(1, 10), new VoteShare(1, 1)));
        Assert.False(counter.TryCount(Draw(1, 99), new VoteShare(1, 1)));
        Assert.False(counter.TryCount(Question(1, 99)));
        Assert.False(counter.TryCount(Draw(1))); // a stranger
        // Of the other half each has as much, half of it for owners: as many as on any day, while there are five or fewer.
        Assert.Equal(10, Granted(counter, 20, () => Draw(2), new VoteShare(1, 1000)));
        Assert.Equal(10, Granted(counter, 20, () => Draw(2, 1), new VoteShare(1, 1000)));
        Assert.Equal(50, Granted(counter, 50, () => Question(60)));
    }

    [Fact]
    public void An_owner_always_finds_its_part_and_a_restart_changes_nothing()
    {
        var steps = (from asset in Gen.Frequency((6, Gen.Choose(0, 1)), (2, Gen.Choose(2, 4)), (2, Gen.Constant(5)))
                     from who in Gen.Frequency((5, Gen.Constant(Who.Owner)), (4, Gen.Constant(Who.Stranger)), (2, Gen.Constant(Who.Verifier)))
                     from number in Gen.Choose(0, Votes.Length - 1)
                     from restart in Gen.Frequency((9, Gen.Constant(false)), (1, Gen.Constant(true)))
                     select new Step(asset, who, number, restart)).ListOf(150).ToArbitrary();
        Prop.ForAll(steps, Holds).Check(Config.QuickThrowOnFailure.WithMaxTest(60));
    }

    // The last six assets of nobody's before today but the first two.
    private void Holds(IEnumerable<Step> steps)
    {
        string one = Path.Combine(_folder, Guid.NewGuid().ToString("N")), other = Path.Combine(_folder, Guid.NewGuid().ToString("N"));
        var clock = new Clock();
        EvaluationCounter restarted = New(one), running = New(other);
        foreach (var counter in new[] { restarted, running })
            foreach (int asset in new[] { 0, 1 })
                Assert.True(counter.TryCount(Draw(0, asset)));
        clock.Now += TimeSpan.FromDays(1);

        var used = new Dictionary<(int Asset, Who Who, int Number), int>();
        int all = 0, kept = (Small.InAll - Small.Shared) / 2 / 2;
        foreach (var step in steps)
        {
            if (step.Restart)
                restarted = New(one);
            var votes = step.Who != Who.Owner ? default : step.Asset == 5 ? new VoteShare(Supply, Supply) : new VoteShare(Votes[step.Number], Supply);
            var entry = step.Who switch { Who.Owner => Draw(step.Number, step.Asset), Who.Stranger => Draw(100 + _named, step.Asset), _ => Question(step.Number, step.Asset) };
            bool granted = restarted.TryCount(entry, votes);
            Assert.Equal(granted, running.TryCount(entry, votes));
            int own = used.GetValueOrDefault((step.Asset, step.Who, step.Number));
            bool there = step.Asset < 2, shared = all < Small.Shared;
            if (step.Who == Who.Owner && step.Asset != 5 && own < (shared ? votes.Of(Small.OfOwners) : there ? votes.Of(kept) : 0))
                Assert.True(granted, $"{own} of {votes.Of(Small.OfOwners)} draws of an owner, and no room");
            if (step.Who == Who.Verifier && there && used.Where(u => u.Key.Asset == step.Asset && u.Key.Who == Who.Verifier).Sum(u => u.Value) < kept)
                Assert.True(granted, "what is kept for an asset's verifiers was used up by others");
            if (!granted)
                continue;
            used[(step.Asset, step.Who, step.Number)] = own + 1;
            all++;
        }
        for (int asset = 0; asset < 6; asset++)
        {
            var draws = used.Where(u => u.Key.Asset == asset && u.Key.Who != Who.Verifier).ToList();
            Assert.InRange(draws.Where(u => u.Key.Who == Who.Stranger).Sum(u => u.Value), 0, Small.OfStrangers);
            Assert.InRange(draws.Sum(u => u.Value), 0, Small.OfStrangers + Small.OfOwners);
        }
        Assert.InRange(all, 0, Small.InAll);

        EvaluationCounter New(string folder)
        {
            Directory.CreateDirectory(folder);
            return new EvaluationCounter(folder, clock, Small);
        }
    }

    // Splitting shares among wallets, in any way, never gives more than they had together.
    [Fact]
    public void Parts_of_a_stake_never_sum_to_more_than_it_gives() => Prop.ForAll<NonNegativeInt[], PositiveInt>((votes, all) =>
    {
        int supply = votes.Sum(v => v.Get % 100_000) + 1;
        Assert.InRange(votes.Sum(v => (long)new VoteShare(v.Get % 100_000, supply).Of(all.Get)), 0, new VoteShare(votes.Sum(v => v.Get % 100_000), supply).Of(all.Get));
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(500));

    // Of the program before, which counted up to 20,000 announcements of an asset without whose they were.
    [Fact]
    public void File_of_the_program_before_still_counts()
    {
        var limits = new EvaluationLimits();
        var counter = Open(limits, Entries(20_000, _ => Draw(0) with { Owner = default }));
        Assert.False(counter.TryCount(Draw(1)));
        Assert.True(counter.TryCount(Draw(2), new VoteShare(1, 100)));
        Assert.False(new EvaluationCounter(_folder, _clock).TryCount(Draw(1)));

        // What it evaluated about yesterday was there, and what it counts today fills both halves in their order.
        Directory.Delete(_folder, recursive: true);
        Open(limits, Entries(1, _ => Draw(0) with { Owner = default }));
        _clock.Now += TimeSpan.FromDays(1);
        counter = Open(limits, Entries(limits.InAll, i => Question(i % 200, 1 + i % 10)));
        Assert.True(counter.TryCount(Draw(1), new VoteShare(1, 100)));
        Assert.False(counter.TryCount(Draw(1, 1), new VoteShare(1, 100)));
        Assert.False(counter.TryCount(Draw(1)));
    }

    [Fact]
    public void TornListOfAssets()
    {
        var counter = Open(new EvaluationLimits(), []);
        Assert.True(counter.TryCount(Draw(0)));
        var file = Path.Combine(_folder, EvaluatedAssets.FileName);
        Assert.Equal(24, new FileInfo(file).Length);
        File.AppendAllText(file, "torn");
        Assert.True(new EvaluationCounter(_folder, _clock).TryCount(Draw(0, 1)));
        Assert.True(new EvaluationCounter(_folder, _clock).TryCount(Draw(1, 1)));
        Assert.Equal(48, new FileInfo(file).Length);
        var assets = new EvaluatedAssets(_folder);
        assets.Open();
        var today = DateOnly.FromDateTime(_clock.Now.UtcDateTime);
        Assert.Equal((2, 0, 2), (assets.Count, assets.CountBefore(today), assets.CountBefore(today.AddDays(1))));
    }

    public void Dispose()
    {
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    // A counter of a guardian whose file of today is this already: to write each down takes minutes.
    private EvaluationCounter Open(EvaluationLimits limits, byte[] counted)
    {
        Directory.CreateDirectory(_folder);
        File.WriteAllBytes(Path.Combine(_folder, $"evaluations-{_clock.Now:yyyyMMdd}"), counted);
        return new EvaluationCounter(_folder, _clock, limits);
    }

    private static byte[] Entries(int count, Func<int, EvaluationEntry> entry) => [.. Enumerable.Range(0, count).SelectMany(i => entry(i).ToBytes())];

    private static int Granted(EvaluationCounter counter, int tries, Func<EvaluationEntry> entry, VoteShare votes = default) => Enumerable.Range(0, tries).Count(_ => counter.TryCount(entry(), votes));

    private EvaluationEntry Draw(int owner, int asset = 0) => new(AddressOf(asset), default, Contribution, Name(), AddressOf(1000 + owner));

    private EvaluationEntry Question(int verifier, int asset = 0) => new(AddressOf(asset), AddressOf(5000 + verifier), Name(), Name());

    private Hash32 Name() => Keccak256.Hash(BitConverter.GetBytes(_named++));

    private static Address AddressOf(int number) => new([.. BitConverter.GetBytes(number + 1), .. new byte[16]]);

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 3, 4, 5, 6, 7, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
