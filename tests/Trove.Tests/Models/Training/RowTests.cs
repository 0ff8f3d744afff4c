using FsCheck;
using FsCheck.Fluent;
using Trove.Models;
using Trove.Models.Training;

namespace Trove.Tests.Models.Training;

/// <summary>Which tokens come when, and what each is to predict.</summary>
public sealed class RowTests
{
    [Fact]
    public void An_epoch_has_every_token_once() => Prop.ForAll(Gen.Choose(1, 3000).ToArbitrary(), Gen.Choose(1, 70).ToArbitrary(), ArbMap.Default.ArbFor<ulong>(), (tokens, row, seed) =>
    {
        for (int epoch = 0; epoch < 3; epoch++)
        {
            var order = new RowOrder(seed, epoch, tokens, row);
            var seen = new int[tokens];
            for (long place = 0; place < order.Rows; place++)
            {
                var (start, length) = order.At(place);
                for (int i = 0; i < length; i++)
                    seen[(start + i) % tokens]++;
            }
            if (seen.Any(n => n != 1))
                return false;
        }
        return true;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Epochs_and_seeds_have_orders_of_their_own()
    {
        string[] orders = [.. new[] { (1UL, 0L), (1UL, 1L), (2UL, 0L) }.Select(o => new RowOrder(o.Item1, o.Item2, 1000, 10)).Select(o => string.Join(' ', Enumerable.Range(0, 100).Select(i => o.At(i).Start)))];
        Assert.Equal(3, orders.Distinct().Count());
        Assert.True(new RowOrder(1, 0, 1000, 10).Shift != new RowOrder(1, 1, 1000, 10).Shift);
    }

    [Fact]
    public void A_row_begins_a_document_where_the_file_does_and_where_it_begins_itself()
    {
        using var file = TrainingFixture.Documents(1, [4, 3, 5]);
        var batch = new RowBatch(8);
        batch.Add(file, 2, 6);
        batch.Each(8, (tokens, targets, starts) =>
        {
            Assert.Equal([0, 2, 5], starts);
            Assert.Equal(tokens[1..].ToArray(), targets[..5].ToArray());
        });
        Assert.Equal(6, batch.Counted);
    }

    [Fact]
    public void After_the_last_token_comes_the_first()
    {
        using var file = TrainingFixture.Documents(1, [4, 3]);
        var (all, wrapped) = (new RowBatch(7), new RowBatch(7));
        all.Add(file, 0, 7);
        wrapped.Add(file, 5, 7);
        int[] tokens = [], targets = [];
        all.Each(7, (t, g, _) => (tokens, targets) = (t.ToArray(), g.ToArray()));
        wrapped.Each(7, (t, g, starts) =>
        {
            Assert.Equal([.. tokens[5..], .. tokens[..5]], t.ToArray());
            Assert.Equal([.. targets[5..], .. targets[..5]], g.ToArray());
            Assert.Equal([0, 2, 6], starts);
        });
        Assert.Equal(tokens[0], targets[6]);
    }

    [Fact]
    public void What_is_not_to_be_learnt_is_no_target()
    {
        using var file = new TokenFile(Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()));
        file.Append([1, 2], begins: true, learnt: false);
        file.Append([3, 4], begins: false);
        file.Append([5, 6], begins: true, firstLearnt: false);
        var batch = new RowBatch(6);
        batch.Add(file, 0, 6);
        batch.Each(6, (tokens, targets, starts) =>
        {
            Assert.Equal([1, 2, 3, 4, 5, 6], tokens.ToArray());
            Assert.Equal([Transformer.Ignore, 3, 4, Transformer.Ignore, 6, Transformer.Ignore], targets.ToArray());
            Assert.Equal([0, 4], starts);
        });
        Assert.Equal((3, 2L), (batch.Counted, file.Documents));
    }

    [Fact]
    public void Batches_are_whole_rows_that_make_up_all() => Prop.ForAll(Gen.Choose(1, 9).ListOf().Where(l => l.Count > 0).ToArbitrary(), Gen.Choose(1, 30).ToArbitrary(), (lengths, most) =>
    {
        using var file = TrainingFixture.Documents(5, [7, 3, 11, 2, 19]);
        var batch = new RowBatch(lengths.Sum());
        foreach (int length in lengths)
            batch.Add(file, length, length);
        var sizes = new List<int>();
        bool starts = true;
        batch.Each(most, (tokens, _, s) =>
        {
            sizes.Add(tokens.Length);
            var list = s.ToArray();
            starts &= list[0] == 0 && list.SequenceEqual(list.Distinct().Order()) && list[^1] < tokens.Length;
        });
        int row = 0;
        foreach (int size in sizes)
        {
            int sum = lengths[row++];
            while (sum < size)
                sum += lengths[row++];
            if (sum != size || (row < lengths.Count && size + lengths[row] <= most))
                return false;
        }
        return starts && row == lengths.Count;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_file_larger_than_its_buffer_is_read_as_it_was_written()
    {
        using var file = new TokenFile(Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()));
        int[] ids = [.. Enumerable.Range(0, 200_000).Select(i => i * 7 % 50_000)];
        file.Append(ids.AsSpan(0, 70_001), begins: true);
        file.Append(ids.AsSpan(70_001), begins: false);
        var read = new uint[ids.Length];
        file.Read(0, read);
        Assert.Equal(ids, read.Select(w => (int)(w & 0xFFFFF)));
        Assert.Equal(TokenFile.Begins, read[0] & ~0xFFFFFu);
        Assert.All(read.Skip(1), w => Assert.Equal(0u, w & ~0xFFFFFu));
    }
}
