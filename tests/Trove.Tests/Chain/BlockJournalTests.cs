using Trove.Chain.Embedded;
using Trove.Core;

namespace Trove.Tests.Chain;

public sealed class BlockJournalTests : IDisposable
{
    private static readonly Hash32 Chain = Keccak256.Hash("chain"u8);
    private readonly string _folder = Directory.CreateTempSubdirectory("trove-journal-").FullName;

    private string File_ => Path.Combine(_folder, "blocks.journal");

    [Fact]
    public void Blocks_come_back_in_order_and_from_any_position()
    {
        var positions = Write(5);
        using var journal = BlockJournal.Open(File_, Chain);
        Assert.Equal(5UL, journal.LastNumber);
        Assert.Equal([1, 2, 3, 4, 5], journal.ReadFrom(BlockJournal.Start).Select(b => (int)b.Number));
        Assert.Equal([4, 5], journal.ReadFrom(positions[2]).Select(b => (int)b.Number));
        var third = journal.ReadFrom(positions[1]).First();
        Assert.Equal((103UL, Keccak256.Hash([2])), (third.Timestamp, third.PreviousHash));
        Assert.Equal([[3], [3, 3]], third.Transactions);
        Assert.Throws<JournalException>(() => journal.ReadFrom(positions[1] + 1).ToArray());
    }

    [Fact]
    public void A_last_record_cut_short_anywhere_is_set_aside_and_dropped()
    {
        var positions = Write(3);
        var whole = File.ReadAllBytes(File_);
        for (long cut = positions[1]; cut < whole.Length; cut++)
        {
            File.WriteAllBytes(File_, whole[..(int)cut]);
            using var journal = BlockJournal.Open(File_, Chain);
            Assert.Equal((2UL, cut - positions[1]), (journal.LastNumber, journal.DroppedBytes));
            journal.Append(Block(3)); // and it goes on
        }
        Assert.Equal(whole, File.ReadAllBytes(File_));
        Assert.NotEmpty(Directory.GetFiles(_folder, "*.torn-*"));
    }

    [Fact]
    public void A_last_record_of_which_pages_are_missing_is_dropped()
    {
        var positions = Write(3);
        var whole = File.ReadAllBytes(File_);
        whole.AsSpan((int)positions[1] + 60).Clear(); // the length arrived, the rest of the record did not
        File.WriteAllBytes(File_, whole);
        using (var journal = BlockJournal.Open(File_, Chain))
            Assert.Equal(2UL, journal.LastNumber);
        File.WriteAllBytes(File_, [.. whole[..(int)positions[1]], .. new byte[8192]]); // nothing but the file's size arrived
        using (var journal = BlockJournal.Open(File_, Chain))
            Assert.Equal(2UL, journal.LastNumber);
    }

    [Fact]
    public void Damage_before_the_last_record_is_an_error_wherever_it_is()
    {
        var positions = Write(4);
        var whole = File.ReadAllBytes(File_);
        for (int at = 0; at < positions[2]; at++)
        {
            var damaged = whole.ToArray();
            damaged[at] ^= 0x40;
            File.WriteAllBytes(File_, damaged);
            var e = Assert.Throws<JournalException>(() => BlockJournal.Open(File_, Chain));
            Assert.Contains(File_, e.Message);
        }
        File.WriteAllBytes(File_, [.. whole[..(int)positions[0]], .. whole[(int)positions[1]..]]); // a record taken out
        Assert.Throws<JournalException>(() => BlockJournal.Open(File_, Chain));
    }

    [Fact]
    public void The_journal_of_another_chain_is_refused()
    {
        Write(1);
        Assert.Contains("genesis", Assert.Throws<JournalException>(() => BlockJournal.Open(File_, Keccak256.Hash("other"u8))).Message);
    }

    [Fact]
    public void Blocks_out_of_order_are_refused()
    {
        Write(2);
        using var journal = BlockJournal.Open(File_, Chain);
        Assert.Throws<ArgumentException>(() => journal.Append(Block(4)));
        Assert.Throws<ArgumentException>(() => journal.Append(Block(2)));
        journal.Append(Block(3));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static JournaledBlock Block(int n) => new((ulong)n, 100 + (ulong)n, Keccak256.Hash([(byte)(n - 1)]), [[(byte)n], [(byte)n, (byte)n]]);

    private List<long> Write(int blocks)
    {
        using var journal = BlockJournal.Open(File_, Chain);
        var positions = new List<long>();
        for (int i = 1; i <= blocks; i++)
        {
            journal.Append(Block(i));
            positions.Add(journal.Position);
        }
        return positions;
    }
}
