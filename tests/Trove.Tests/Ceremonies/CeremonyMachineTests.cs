using System.Buffers.Binary;
using FsCheck;
using FsCheck.Fluent;
using Trove.Core;
using Trove.Core.Ceremonies;

namespace Trove.Tests.Ceremonies;

/// <summary>
/// The rounds alone, over thousands of schedules: messages of invented content are lost, doubled and reordered between a coordinator and
/// the guardians, and some authors sign two. Whoever ends, ends alike.
/// </summary>
public class CeremonyMachineTests
{
    private const int Schedules = 3000;

    [Fact]
    public void Whatever_the_order_all_come_to_the_same_end() =>
        Prop.ForAll<int>(seed => Schedule(seed)).Check(Config.QuickThrowOnFailure.WithMaxTest(Schedules).WithEndSize(int.MaxValue / 2));

    [Fact]
    public void Schedules_reach_every_end()
    {
        var ends = Enumerable.Range(1, 500).Select(seed => new World(seed).Run()).Distinct().ToHashSet();
        Assert.Superset(new HashSet<CeremonyFailure?> { null, CeremonyFailure.MemberMissing, CeremonyFailure.TooFewDealers, CeremonyFailure.Unconfirmed }, ends);
    }

    [Fact]
    public void Nobody_is_heard_in_a_round_that_is_not_theirs()
    {
        using var dealt = Guild.Deal(Guild.Committee(1, 2, 0, 1));
        var terms = Guild.Change(dealt, Guild.Committee(2, 2, 1, 2, 3));
        var machine = new CeremonyMachine(terms);
        Assert.Equal([0, 1, 2, 3], Enumerable.Range(-1, 7).Where(machine.Expects));
        Assert.Equal(CeremonyIntake.Foreign, machine.Take(CeremonyRound.Deal, 2, default));
        Assert.Equal(CeremonyIntake.Foreign, machine.Take(CeremonyRound.Check, 0, default));
        Assert.Equal(CeremonyIntake.Foreign, machine.Take(CeremonyRound.Confirm, 0, default));
        Assert.Equal(CeremonyIntake.Foreign, machine.Take(CeremonyRound.Join, 4, default));
        Assert.Equal(CeremonyIntake.Foreign, machine.Take(CeremonyRound.Join, -1, default));
        Assert.Equal(CeremonyIntake.Foreign, machine.Take((CeremonyRound)5, 1, default));
        Assert.Equal(CeremonyIntake.Foreign, machine.Take(default, []));
        Assert.Equal(CeremonyIntake.Foreign, machine.Take(CeremonyRound.Join, new Hash32[5]));
        Assert.Throws<InvalidOperationException>(() => machine.Settle([]));
    }

    // A closing that names both messages of one author, or one of another round, is none that others can follow.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ClosingThatCannotBe(bool twice)
    {
        var terms = Guild.Creation(Guild.Committee(1, 2, 0, 1, 2));
        var machine = new CeremonyMachine(terms);
        Hash32 one = Keccak256.Hash([1]), two = Keccak256.Hash([2]);
        Assert.Equal(CeremonyIntake.Taken, machine.Take(CeremonyRound.Join, 0, one));
        Assert.Equal(twice ? CeremonyIntake.Conflict : CeremonyIntake.Taken, machine.Take(twice ? CeremonyRound.Join : CeremonyRound.Deal, 0, two));
        Assert.Equal(CeremonyIntake.Taken, machine.Take(CeremonyRound.Join, [one, two]));
        Assert.Null(machine.TryClose());
        Assert.Equal(CeremonyFailure.Closing, machine.Failure);
    }

    [Fact]
    public void Two_messages_are_kept_of_one_author_and_the_first_closing_counts()
    {
        var machine = new CeremonyMachine(Guild.Creation(Guild.Committee(1, 2, 0, 1, 2)));
        Hash32[] d = [.. Enumerable.Range(0, 9).Select(i => Keccak256.Hash([(byte)i]))];
        Assert.Equal(CeremonyIntake.Taken, machine.Take(CeremonyRound.Join, 0, d[0]));
        Assert.Equal(CeremonyIntake.Known, machine.Take(CeremonyRound.Join, 0, d[0]));
        Assert.Equal(CeremonyIntake.Conflict, machine.Take(CeremonyRound.Join, 0, d[1]));
        Assert.Equal(CeremonyIntake.Late, machine.Take(CeremonyRound.Join, 0, d[2]));
        machine.Take(CeremonyRound.Join, 1, d[3]);
        machine.Take(CeremonyRound.Join, 2, d[4]);
        Assert.Null(machine.TryClose()); // which of the two is for the coordinator to say
        Assert.Equal([d[3], d[4]], machine.Present());
        Assert.Equal(CeremonyIntake.Taken, machine.Take(CeremonyRound.Join, [d[4], d[3], d[1]]));
        Assert.Equal(CeremonyIntake.Known, machine.Take(CeremonyRound.Join, [d[1], d[3], d[4]]));
        Assert.Equal(CeremonyIntake.Conflict, machine.Take(CeremonyRound.Join, [d[0], d[3], d[4]]));
        Assert.Equal([d[1], d[3], d[4]], machine.TryClose()!.Select(m => m.Digest));
        Assert.Equal(CeremonyIntake.Conflict, machine.Take(CeremonyRound.Join, [d[0]]));
        Assert.Equal([new CeremonyFinding(CeremonyRound.Join, Guild.Key(0).Address, CeremonyFault.Equivocation)], machine.Findings);
    }

    private static bool Schedule(int seed)
    {
        new World(seed).Run();
        return true;
    }

    private sealed class World
    {
        private readonly Random _random;
        private readonly CeremonyTerms _terms;
        private readonly CeremonyMachine _coordinator;
        private readonly List<CeremonyMachine> _guardians;
        private readonly List<(CeremonyRound Round, int Seat, Hash32 Digest)> _sent = [], _relayed = [];
        private readonly List<(CeremonyRound Round, IReadOnlyList<Hash32> Digests)> _closings = [];
        private readonly int _seed;

        public World(int seed)
        {
            (_seed, _random) = (seed, new Random(seed));
            int members = _random.Next(1, 6);
            var committee = Guild.Committee(1, _random.Next(1, members + 1), [.. Enumerable.Range(0, members)]);
            int next = _random.Next(1, 6);
            _terms = _random.Next(2) == 0 ? Guild.Creation(committee) : CeremonyTerms.ChangeOf(1, Guild.Registry, default, committee, new Hash32[members], new Hash32[members], Keccak256.Hash([1]),
                Guild.Committee(2, _random.Next(1, next + 1), [.. Enumerable.Range(_random.Next(6), next)]));
            _coordinator = new CeremonyMachine(_terms);
            _guardians = [.. _terms.Seats.Select(_ => new CeremonyMachine(_terms))];
        }

        public CeremonyFailure? Run()
        {
            for (int step = 0; step < 400 && !Over(_coordinator); step++)
                Step(_random.Next(100) < 3);
            for (int step = 0; step < 40 && !Over(_coordinator); step++)
                Step(close: true);
            Assert.True(Over(_coordinator), "the coordinator closes every round in the end");
            foreach (var guardian in _guardians)
            {
                // Now nothing is lost any more, only late.
                foreach (var message in _relayed.Shuffle(_random))
                    guardian.Take(message.Round, message.Seat, message.Digest);
                foreach (var (round, digests) in _closings.Shuffle(_random))
                    guardian.Take(round, digests);
                Advance(guardian);
                Assert.Equal((_coordinator.Done, _coordinator.Failure, _coordinator.Round), (guardian.Done, guardian.Failure, guardian.Round));
                Assert.Equal(_coordinator.Dealers, guardian.Dealers);
                for (var round = CeremonyRound.Join; round <= CeremonyRound.Confirm; round++)
                    Assert.Equal(_coordinator.Closed(round), guardian.Closed(round));
            }
            Assert.True(_coordinator.Done == _coordinator.Failure is null);
            Assert.True(!_coordinator.Done || _coordinator.Dealers.Count >= _terms.DealersNeeded);
            Assert.True(_coordinator.Done || _coordinator.Findings.Count > 0, "nobody is named");
            return _coordinator.Failure;
        }

        private void Step(bool close)
        {
            int seat = _random.Next(_guardians.Count);
            var guardian = _guardians[seat];
            if (guardian.Expects(seat) && Draw(guardian.Round, seat, 1) % 50 > 0) // a few are silent
            {
                _sent.Add((guardian.Round, seat, Digest(guardian.Round, seat, 0)));
                if (Draw(guardian.Round, seat, 2) % 40 == 0)
                    _sent.Add((guardian.Round, seat, Digest(guardian.Round, seat, 1)));
            }
            // Messages stay on the way: that is doubling and reordering, and what is never drawn is lost.
            for (int i = 0; i < 2 && _sent.Count > 0; i++)
            {
                var (round, author, digest) = _sent[_random.Next(_sent.Count)];
                if (_coordinator.Take(round, author, digest) is CeremonyIntake.Taken or CeremonyIntake.Conflict)
                    _relayed.Add((round, author, digest));
            }
            if (close || _coordinator.Complete)
            {
                var present = _coordinator.Present();
                _closings.Add((_coordinator.Round, present));
                Assert.Equal(CeremonyIntake.Taken, _coordinator.Take(_coordinator.Round, present));
            }
            Advance(_coordinator);
            for (int i = 0; i < 3 && _relayed.Count > 0; i++)
            {
                var (round, author, digest) = _relayed[_random.Next(_relayed.Count)];
                guardian.Take(round, author, digest);
            }
            if (_closings.Count > 0)
            {
                var (round, digests) = _closings[_random.Next(_closings.Count)];
                guardian.Take(round, digests);
            }
            Advance(guardian);
        }

        // Facts follow from the message, so that everybody finds the same.
        private void Advance(CeremonyMachine machine)
        {
            while (machine.TryClose() is { } messages)
                machine.Settle([.. messages.Select(m => new MessageFacts(m.Seat, Draw(machine.Round, m.Seat, m.Digest.ToArray()[0]) % 60 == 0 ? CeremonyFault.Proof : null, _terms.Seats[m.Seat].Dealer > 0,
                    machine.Round == CeremonyRound.Check && Draw(machine.Round, m.Seat, 3) % 8 == 0
                        ? [new ComplaintFacts(1 + m.Digest.ToArray()[1] % (_terms.Old ?? _terms.New).Guardians.Count, m.Digest.ToArray()[2] % 2 == 0)] : []))]);
        }

        private static bool Over(CeremonyMachine machine) => machine.Done || machine.Failure is not null;

        private Hash32 Digest(CeremonyRound round, int seat, int variant)
        {
            var bytes = new byte[16];
            BinaryPrimitives.WriteInt32LittleEndian(bytes, _seed);
            (bytes[4], bytes[5], bytes[6]) = ((byte)round, (byte)seat, (byte)variant);
            return Keccak256.Hash(bytes);
        }

        private int Draw(CeremonyRound round, int seat, int what) => new Random(unchecked(_seed * 31 + (int)round * 1009 + seat * 101 + what * 7)).Next();
    }
}

internal static class Shuffling
{
    public static IReadOnlyList<T> Shuffle<T>(this IEnumerable<T> items, Random random)
    {
        T[] array = [.. items];
        random.Shuffle(array);
        return array;
    }
}
