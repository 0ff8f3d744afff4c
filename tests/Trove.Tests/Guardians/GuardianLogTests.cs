using System.Text;
using Trove.Core;
using Trove.Node.Guardians;
using Trove.Node.Protocol;

namespace Trove.Tests.Guardians;

/// <summary>A guardian's log: every line fixes the one before, what a power failure broke off goes, everything else that does not fit is refused.</summary>
public sealed class GuardianLogTests : IDisposable
{
    private static readonly Address Guardian = new(Keccak256.Hash("guardian"u8).ToArray().AsSpan(12));
    private static readonly Address Asset = new(Keccak256.Hash("asset"u8).ToArray().AsSpan(12));
    private readonly string _folder = Directory.CreateTempSubdirectory("trove-guardian-log-").FullName;

    private string LogFile => Path.Combine(_folder, "releases.jsonl");

    [Fact]
    public void Log_of_another_implementation_is_read_and_written_alike()
    {
        var vector = Vectors.Read<Vector>("guardian-log.json");
        var guardian = Address.Parse(vector.Guardian);
        foreach (var chain in vector.Chains)
        {
            Assert.Equal(Hash32.Parse(chain.Genesis), GuardianLogEntry.Genesis(guardian, chain.Chain));
            Assert.All(chain.Lines, line => Assert.Equal(line, Encoding.UTF8.GetString(GuardianLogEntry.Parse(Encoding.UTF8.GetBytes(line)).Encode())));
            var check = Check(string.Concat(chain.Lines.Select(l => l + "\n")), chain.Chain);
            Assert.Equal((guardian, (ulong)chain.Lines.Count, Hash32.Parse(chain.Head), null, 0), (check.Guardian, check.Count, check.Head, check.Wrong, check.Torn));
        }
        var h = vector.Head;
        var head = new LogHeadInfo(guardian, h.Chain, h.Count, Hash32.Parse(h.Head), h.Time, h.Signature, false);
        Assert.Equal(Hash32.Parse(h.Digest), Messages.LogHead(h.ChainId, guardian, h.Chain, h.Count, head.Head, h.Time));
        Assert.True(head.IsSignedBy(guardian, h.ChainId));
        LogHeadInfo[] others = [head with { Count = 5 }, head with { Chain = 2 }, head with { Head = default }, head with { Time = 1 }, head with { Guardian = Asset }, head with { Signature = "0x" }, head with { Time = -1 }];
        Assert.All(others, o => Assert.False(o.IsSignedBy(guardian, h.ChainId)));
        Assert.False(head.IsSignedBy(guardian, 1));
    }

    [Fact]
    public void Every_change_to_a_log_is_found_at_its_line()
    {
        Write(12);
        var lines = File.ReadAllLines(LogFile);
        for (int i = 0; i < lines.Length; i++)
        {
            ulong number = (ulong)i + 1;
            if (i < lines.Length - 1) // who cuts the last lines off is found by a published head only
            {
                Assert.Equal(number, Wrong([.. lines[..i], .. lines[(i + 1)..]])); // left out
                Assert.Equal(number, Wrong([.. lines[..i], lines[i + 1], lines[i], .. lines[(i + 2)..]])); // in another order
                Assert.Equal(number + 1, Wrong([.. lines[..i], Later(lines[i]), .. lines[(i + 1)..]])); // changed in its one form: the next line does not follow it
            }
            Assert.Equal(number + 1, Wrong([.. lines[..(i + 1)], lines[i], .. lines[(i + 1)..]])); // twice
            Assert.Equal(number, Wrong([.. lines[..i], lines[i].Replace("\"outcome\"", "\"Outcome\"", StringComparison.Ordinal), .. lines[(i + 1)..]])); // in another form
            Assert.Equal(number, Wrong([.. lines[..i], " " + lines[i], .. lines[(i + 1)..]]));
        }
        Assert.Equal(1UL, Check("", 1).Wrong);
        Assert.Equal(1UL, Check(string.Join('\n', lines) + "\n", 2).Wrong); // another chain's beginning
    }

    [Fact]
    public void What_a_power_failure_left_of_the_last_line_is_cut_off_wherever_it_broke()
    {
        Write(3);
        var whole = File.ReadAllBytes(LogFile);
        int last = whole.AsSpan(0, whole.Length - 1).LastIndexOf((byte)'\n') + 1;
        for (int length = last; length < whole.Length; length++)
        {
            File.WriteAllBytes(LogFile, whole[..length]);
            ExpectThree();
        }
        foreach (int hole in new[] { last, last + 5, whole.Length - 2 }) // the end reached the disk, something before it did not
        {
            var holed = whole.ToArray();
            holed.AsSpan(last, hole - last + 1).Clear();
            File.WriteAllBytes(LogFile, holed);
            ExpectThree();
        }

        void ExpectThree()
        {
            var log = GuardianLog.Open(_folder, Guardian, TimeProvider.System);
            Assert.Equal(3UL, log.Count); // begun, and two of the three
            log.Append(Refusal("after"));
            var check = GuardianLogReader.Check(LogFile, 1, null, default);
            Assert.Equal((4UL, null, 0L, log.Head), (check.Count, check.Wrong, check.Torn, check.Head));
        }
    }

    [Fact]
    public void Anything_else_that_does_not_fit_refuses_to_start()
    {
        Write(3);
        var whole = File.ReadAllText(LogFile);
        var lines = whole.Split('\n');
        Assert.Contains(Asset.ToString(), Refused(whole, Asset), StringComparison.Ordinal); // another's
        Refused("", Guardian);
        Refused("{\"at\":1,\"outcome\":\"released\"}\n", Guardian); // from before there were chains
        Refused(whole.Replace("\"n\":4", "\"n\":5", StringComparison.Ordinal)[..^2] + "\n", Guardian);
        Refused(whole + new string('x', 10_000), Guardian);
        Refused(whole.Replace(lines[0], lines[1], StringComparison.Ordinal), Guardian);

        // A line in the middle is seen when the counters are made from the log.
        File.WriteAllText(LogFile, whole.Replace(lines[1], Later(lines[1]), StringComparison.Ordinal));
        var log = GuardianLog.Open(_folder, Guardian, TimeProvider.System);
        Assert.Throws<IOException>(() => log.Newest().Count());

        string Refused(string text, Address guardian)
        {
            File.WriteAllText(LogFile, text);
            var error = Assert.Throws<IOException>(() => GuardianLog.Open(_folder, guardian, TimeProvider.System));
            Assert.Contains("trove guardian log --verify", error.Message, StringComparison.Ordinal);
            Assert.Equal(text, File.ReadAllText(LogFile)); // nothing is lost
            return error.Message;
        }
    }

    [Fact]
    public void Backwards_are_the_same_entries_over_many_blocks_and_a_line_costs_a_bounded_number_of_bytes()
    {
        var log = GuardianLog.Open(_folder, Guardian, TimeProvider.System);
        var random = new Random(7);
        for (int i = 0; i < 600; i++)
            log.Append(Refusal(new string('r', random.Next(500))));
        Assert.True(new FileInfo(LogFile).Length > 3 << 16);
        var forwards = new List<GuardianLogEntry>();
        Assert.Null(GuardianLogReader.Check(LogFile, 1, (entry, _) => forwards.Add(entry), default).Wrong);
        Assert.Equal(601, forwards.Count);
        Assert.Equal(forwards, log.Newest().Reverse());
        foreach (int n in new[] { 1, 2, 300, 601 })
            Assert.Equal(GuardianLogEntry.HashOf(forwards[n - 1].Encode()), log.HashAt((ulong)n));
        Assert.Null(log.HashAt(602));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(601UL, log.Newest().First().N);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 400_000); // a block, whatever the length of the log
    }

    [Fact]
    public void Chain_after_lost_entries_names_what_was_published_and_leaves_the_old_one_alone()
    {
        var log = Write(2);
        var old = File.ReadAllBytes(LogFile);
        var lost = new LostHead(1, 9, Keccak256.Hash("head"u8));
        log.BeginAfter(lost);
        log.Append(Refusal("after"));
        Assert.Equal(old, File.ReadAllBytes(LogFile));
        var again = GuardianLog.Open(_folder, Guardian, TimeProvider.System);
        Assert.Equal((2u, 2UL, log.Head), (again.Chain, again.Count, again.Head));
        var entries = again.Newest().ToList();
        Assert.Equal(5, entries.Count);
        Assert.Equal((lost, 2u, Guardian), (entries[1].Lost, entries[1].Chain!.Value, entries[1].Guardian!.Value));
        Assert.Null(GuardianLogReader.Check(Path.Combine(_folder, "releases-2.jsonl"), 2, null, default).Wrong);
        Assert.EndsWith("releases-2.jsonl", GuardianLog.NewestFile(_folder), StringComparison.Ordinal);
    }

    [Fact]
    public void Log_that_another_process_wrote_to_is_not_written_any_more()
    {
        var (one, other) = (Write(1), GuardianLog.Open(_folder, Guardian, TimeProvider.System));
        other.Append(Refusal("the other"));
        Assert.Throws<IOException>(() => one.Append(Refusal("the one")));
        Assert.Equal(3UL, GuardianLogReader.Check(LogFile, 1, null, default).Count);
    }

    [Fact]
    public void Text_of_strangers_becomes_printable_ascii_of_bounded_length()
    {
        var log = GuardianLog.Open(_folder, Guardian, TimeProvider.System);
        string[] odd = ["\u001b[2J\r\n", "\ud83d\ude00 \ud83d", "\"\\/\u2028", new string('\\', 2000), new string('"', 2000)];
        foreach (var text in odd)
            log.Append(Refusal(text) with { Code = text });
        var check = GuardianLogReader.Check(LogFile, 1, (entry, _) => Assert.True(entry.Reason is null || entry.Reason.All(c => c is >= ' ' and <= '~')), default);
        Assert.Equal((6UL, null), (check.Count, check.Wrong));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    internal static GuardianLogEntry Refusal(string reason) =>
        new(0, default, 0, GuardianLogEntry.Refused, Asset: Asset, Request: Keccak256.Hash("request"u8), Use: 1, KeyVersion: 1, Proofs: false, Code: "not-open", Reason: reason);

    private GuardianLog Write(int entries)
    {
        var log = GuardianLog.Open(_folder, Guardian, TimeProvider.System);
        for (int i = 0; i < entries; i++)
            log.Append(Refusal($"reason {i}"));
        return log;
    }

    private static string Later(string line)
    {
        var entry = GuardianLogEntry.Parse(Encoding.UTF8.GetBytes(line));
        return Encoding.UTF8.GetString((entry with { At = entry.At + 1 }).Encode());
    }

    private static ulong? Wrong(string[] lines) => Check(string.Concat(lines.Select(l => l + "\n")), 1).Wrong;

    private static GuardianLogCheck Check(string text, uint chain) => GuardianLogReader.Check(new MemoryStream(Encoding.UTF8.GetBytes(text)), chain, null, default);

    private sealed record Vector(string Guardian, List<ChainVector> Chains, HeadVector Head);

    private sealed record ChainVector(uint Chain, string Genesis, List<string> Lines, string Head);

    private sealed record HeadVector(ulong ChainId, uint Chain, ulong Count, string Head, long Time, string Digest, string Signature);
}
