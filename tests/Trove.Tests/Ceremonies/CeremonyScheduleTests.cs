using Trove.Core.Ceremonies;
using Trove.Crypto;

namespace Trove.Tests.Ceremonies;

/// <summary>
/// Whole ceremonies over bad networks: messages are lost, doubled, reordered and mixed with those of another ceremony, guardians are
/// killed and start again from what they sealed, one may cheat. Either all honest agree on one key whose recipient is right, or
/// there is none and somebody is named; no honest guardian is ever blamed, and none ever signs two messages for one round.
/// </summary>
public class CeremonyScheduleTests(ITestOutputHelper output)
{
    private const int Schedules = 48; // each way to cheat by each of three, with a patient and with an impatient coordinator

    private enum Cheat { None, WrongShare, WrongOprfShare, OtherOpening, Twice, FalseComplaint, OtherTranscript, OtherCommittee }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Any_schedule(bool change)
    {
        using var dealt = Guild.Deal(Guild.Committee(1, 2, 0, 1, 2));
        var old = Guild.Committee(1, 2, 0, 1, 2);
        var stale = Stale();
        var ends = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int seed = 0; seed < Schedules; seed++)
        {
            var terms = change ? Guild.Change(dealt, Guild.Committee(2, 2, 3, 1, 0)) : Guild.Creation(old);
            using var world = new World(terms, dealt.Shares, stale, seed);
            string end = world.Run();
            ends[end] = ends.GetValueOrDefault(end) + 1;
        }
        output.WriteLine(string.Join(", ", ends.Select(e => $"{e.Key}: {e.Value}")));
        Assert.True(ends.GetValueOrDefault("key") > Schedules / 3, "many schedules end with a key");
        Assert.True(ends.Count > 2, "schedules end in different ways");
    }

    // Killed after every single message and after every closing, each guardian goes on as if nothing had been.
    [Fact]
    public void Guardians_start_again_after_every_step()
    {
        using var dealt = Guild.Deal(Guild.Committee(1, 2, 0, 1, 2));
        using var table = new Table(Guild.Change(dealt, Guild.Committee(2, 2, 3, 1)), dealt.Shares);
        while (table.Coordinator.Key is null)
        {
            List<CeremonyMessage> messages = [.. Enumerable.Range(0, table.Seats.Length).Select(table.Next).OfType<CeremonyMessage>()];
            foreach (var message in messages)
            {
                table.Coordinator.Receive(message);
                for (int seat = 0; seat < table.Seats.Length; seat++)
                {
                    Assert.Equal(CeremonyIntake.Taken, table.Seats[seat].Receive(message));
                    Restart(table, seat);
                }
            }
            Assert.Equal(messages.Select(m => Convert.ToHexString(m.Encode())), Enumerable.Range(0, table.Seats.Length).Select(table.Next).OfType<CeremonyMessage>().Select(m => Convert.ToHexString(m.Encode())));
            table.Coordinator.Close();
            for (int seat = 0; seat < table.Seats.Length; seat++)
            {
                Assert.Equal(CeremonyIntake.Taken, table.Seats[seat].Receive(table.Coordinator.Closings[^1]));
                Restart(table, seat);
            }
        }
        table.Agreed();
    }

    private static void Restart(Table table, int seat)
    {
        using var state = table.Seats[seat].Encode();
        table.Seats[seat].Dispose();
        table.Seats[seat] = CeremonyParticipant.Parse(state.Span);
    }

    // A ceremony that is over: its messages go on arriving.
    private static List<CeremonyMessage> Stale()
    {
        using var table = new Table(Guild.Creation(Guild.Committee(1, 2, 0, 1, 2), nonce: 77));
        table.Rounds(4);
        return [.. table.Coordinator.Messages];
    }

    private sealed class World : IDisposable
    {
        private readonly Random _random;
        private readonly CeremonyTerms _terms;
        private readonly CeremonyTranscript _coordinator;
        private readonly CeremonyParticipant[] _guardians;
        private readonly byte[][] _sealed;
        private readonly List<CeremonyMessage> _sent = [];
        private readonly Dictionary<(int, CeremonyRound), byte[]> _bytes = [];
        private readonly List<CeremonyMessage> _stale;
        private readonly Cheat _cheat;
        private readonly int _cheater;
        private readonly bool _hurries;
        private bool _impatient;

        public World(CeremonyTerms terms, IReadOnlyList<EpochShares> shares, List<CeremonyMessage> stale, int seed)
        {
            (_terms, _stale, _random, _coordinator) = (terms, stale, new Random(seed), new CeremonyTranscript(terms));
            _guardians = [.. terms.Seats.Select(s => CeremonyParticipant.Create(terms, s.Guardian, terms.Old is null || s.Dealer == 0 ? null : shares[s.Dealer - 1]))];
            _sealed = [.. _guardians.Select(Seal)];
            _cheat = (Cheat)(seed % 8);
            _cheater = seed / 8 % 3;
            _hurries = seed / 24 == 1;
        }

        public string Run()
        {
            for (int step = 0; step < 2000 && !Over; step++)
            {
                int seat = _random.Next(_guardians.Length);
                switch (_random.Next(24))
                {
                    case < 8:
                        Send(seat);
                        break;
                    case < 14 when _sent.Count > 0: // any message, any number of times: those never drawn are lost
                        _coordinator.Receive(_sent[^(1 + _random.Next(Math.Min(10, _sent.Count)))]);
                        break;
                    case < 21:
                        Bring(seat, all: false);
                        break;
                    case 21:
                        Restart(seat);
                        break;
                    case 22:
                        Assert.Equal(CeremonyIntake.Foreign, _guardians[seat].Receive(_stale[_random.Next(_stale.Count)]));
                        break;
                    default:
                        _impatient |= _hurries && !_coordinator.Complete && _random.Next(5) == 0 && Close();
                        break;
                }
                if (_coordinator.Complete)
                    Close();
            }
            while (!Over)
                Close();
            for (int seat = 0; seat < _guardians.Length; seat++)
            {
                Restart(seat);
                Bring(seat, all: true);
            }
            Judge();
            return _coordinator.Failure?.ToString() ?? "key";
        }

        private bool Over => _coordinator.Key is not null || _coordinator.Failure is not null;

        private bool Close()
        {
            _coordinator.Close();
            return true;
        }

        // Sealed first, then sent: as the contract of Next says.
        private void Send(int seat)
        {
            _sealed[seat] = Seal(_guardians[seat]);
            if (_guardians[seat].Next(Key(seat)) is not { } message)
                return;
            var bytes = message.Encode();
            Assert.True(_bytes.TryAdd((seat, message.Round), bytes) || _bytes[(seat, message.Round)].AsSpan().SequenceEqual(bytes), "two messages for one round");
            if (seat != _cheater || _cheat == Cheat.None)
                _sent.Add(message);
            else
                _sent.AddRange(Forge(seat, message));
        }

        private void Bring(int seat, bool all)
        {
            CeremonyMessage[] messages = [.. _coordinator.Messages];
            CeremonyClosing[] closings = [.. _coordinator.Closings];
            _random.Shuffle(messages);
            foreach (var message in messages.Where(_ => all || _random.Next(2) == 0))
                _guardians[seat].Receive(message);
            _random.Shuffle(closings);
            foreach (var closing in closings.Where(_ => all || _random.Next(2) == 0))
                _guardians[seat].Receive(closing);
        }

        // What came in since the last seal is gone.
        private void Restart(int seat)
        {
            _guardians[seat].Dispose();
            _guardians[seat] = CeremonyParticipant.Parse(_sealed[seat]);
            Assert.Equal(_sealed[seat], Seal(_guardians[seat]));
        }

        private IEnumerable<CeremonyMessage> Forge(int seat, CeremonyMessage message)
        {
            byte[] body = [.. message.Body];
            switch (_cheat, message.Round)
            {
                case (Cheat.WrongShare, CeremonyRound.Deal): // the share of the last member
                case (Cheat.WrongOprfShare, CeremonyRound.Deal):
                case (Cheat.OtherTranscript, CeremonyRound.Confirm):
                case (Cheat.OtherCommittee, CeremonyRound.Confirm): // signed for the registry
                    body[_cheat switch { Cheat.WrongShare => body.Length - 4 * 32, Cheat.WrongOprfShare => body.Length - 32, Cheat.OtherTranscript => 0, _ => body.Length - 40 }] ^= 1;
                    return [CeremonyMessage.Sign(_terms, message.Round, body, Key(seat))];
                case (Cheat.OtherOpening, CeremonyRound.Join) when _terms.Seats[seat].Dealer > 0:
                    body[^1] ^= 1;
                    return [CeremonyMessage.Sign(_terms, message.Round, body, Key(seat))];
                case (Cheat.Twice, CeremonyRound.Deal):
                    body[^32] ^= 1;
                    return [message, CeremonyMessage.Sign(_terms, message.Round, body, Key(seat))];
                case (Cheat.FalseComplaint, CeremonyRound.Check):
                    return [CeremonyMessage.Sign(_terms, message.Round, new CheckBody([new Complaint(2, _coordinator.Join(1).Point, new byte[64])]).Encode(), Key(seat))];
                default:
                    return [message];
            }
        }

        private void Judge()
        {
            CeremonyFault[] blameless = [CeremonyFault.Silent, CeremonyFault.LeftOut];
            foreach (var transcript in _guardians.Select(g => g.Transcript).Append(_coordinator))
            {
                Assert.Equal((_coordinator.Failure, _coordinator.Hash, _coordinator.Key is null), (transcript.Failure, transcript.Hash, transcript.Key is null));
                Assert.Equal(_coordinator.Dealers, transcript.Dealers);
                Assert.All(transcript.Findings, f => Assert.True(blameless.Contains(f.Fault) || (_cheat != Cheat.None && f.Guardian == _terms.Seats[_cheater].Guardian), f.ToString()));
            }
            if (_coordinator.Key is not { } key)
            {
                Assert.NotEmpty(_coordinator.Findings);
                Assert.True(_impatient || _cheat != Cheat.None, $"honest and patient, and no key: {_coordinator.Failure}");
                return;
            }
            Assert.True(_terms.Seats[_cheater].Member == 0 || _cheat is not (Cheat.OtherTranscript or Cheat.OtherCommittee));
            if (_terms.Old is not null)
                Assert.Equal((_terms.Recipient, OprfKey.Create(2, _terms.OldOprfCommitments).PublicKey), (key.Recipient.PublicKey, _coordinator.OprfKey!.PublicKey));
            List<EpochShares> shares = [.. _guardians.Where(g => _terms.New.IndexOf(g.Guardian) > 0).Select(g => g.TakeShares(_coordinator.Hash))];
            Assert.All(shares, s => Assert.True(s.Matches(key, _coordinator.OprfKey!)));
            shares.ForEach(s => s.Dispose());
        }

        private SigningKey Key(int seat) => Guild.Key(_terms.Seats[seat].Guardian);

        private static byte[] Seal(CeremonyParticipant guardian)
        {
            using var state = guardian.Encode();
            return state.Span.ToArray();
        }

        public void Dispose()
        {
            foreach (var guardian in _guardians)
                guardian.Dispose();
        }
    }
}
