using FsCheck;
using FsCheck.Fluent;
using Trove.Models.Exchange;
using Trove.Models.Training;

namespace Trove.Tests.Models.Training;

/// <summary>A run that was interrupted ends in the same bits; what is no state of this run is refused.</summary>
public sealed class ResumeTests
{
    private static readonly TrainingOptions Muon = TrainingFixture.Options with { Optimizer = OptimizerKind.Muon, Schedule = ScheduleKind.WarmUpStableDecay };

    [Fact]
    public void A_run_interrupted_anywhere_ends_in_the_same_bits()
    {
        (TrainingOptions Options, int? Rank)[] kinds = [(TrainingFixture.Options, null), (Muon, null), (TrainingFixture.Options, 16)];
        string[] whole = [.. kinds.Select(k =>
        {
            using var run = new TrainingFixture(1, k.Options, k.Rank);
            return run.RunTo(11).Bits;
        })];
        Assert.Equal(3, whole.Distinct().Count());
        var interruptions = Gen.Choose(0, 11).ListOf().Select(steps => steps.Order().ToArray());
        Prop.ForAll(Gen.Choose(0, kinds.Length - 1).ToArbitrary(), interruptions.ToArbitrary(), Gen.Choose(1, 3).ToArbitrary(), (kind, stops, threads) =>
        {
            byte[]? state = null;
            foreach (int stop in stops.Append(11))
            {
                using var run = new TrainingFixture(threads, kinds[kind].Options, kinds[kind].Rank);
                if (state is not null)
                    run.Load(state);
                run.RunTo(stop);
                state = run.Save();
                if (stop == 11 && run.Bits != whole[kind])
                    return false;
            }
            return true;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(25));
    }

    [Fact]
    public void An_adapter_of_no_whole_number_of_vectors_goes_on_in_the_same_bits()
    {
        var config = TrainingFixture.Config with { FeedForward = 40 };
        using TrainingFixture whole = new(1, rank: 3, config: config), first = new(2, rank: 3, config: config), second = new(3, rank: 3, config: config);
        Assert.Contains(whole.Adapter!.Parameters.Tensors, t => t.Length % 16 != 0);
        second.Load(first.RunTo(5).Save());
        Assert.Equal(whole.RunTo(11).Bits, second.RunTo(11).Bits);
    }

    [Fact]
    public void A_state_read_over_another_leaves_nothing_of_it()
    {
        using var run = new TrainingFixture();
        var early = run.RunTo(3).Save();
        string late = run.RunTo(11).Bits;
        run.Load(early);
        Assert.Equal(3, run.Trainer.Step);
        Assert.Equal(late, run.RunTo(11).Bits);
    }

    [Fact]
    public void A_curve_goes_on_between_two_of_its_points()
    {
        var options = TrainingFixture.Options with { Steps = 250 };
        Assert.Equal(2, options.ReportEvery);
        using TrainingFixture run = new(1, options), other = new(1, options);
        other.Load(run.RunTo(3).Save());
        Assert.Equal(run.RunTo(4).Trainer.Curve, other.RunTo(4).Trainer.Curve);
        Assert.Equal([2, 4], run.Trainer.Curve.Select(p => p.Step));
    }

    [Fact]
    public void Another_run_is_refused_by_what_is_other()
    {
        using var run = new TrainingFixture();
        var state = run.RunTo(2).Save();
        AssertRefused("seed is 7, and here it is 8", options: TrainingFixture.Options with { Seed = 8 });
        AssertRefused("steps is 11, and here it is 12", options: TrainingFixture.Options with { Steps = 12 });
        AssertRefused("learning rate", options: TrainingFixture.Options with { Rate = 2e-2 });
        AssertRefused("training data", dataSeed: 9);
        AssertRefused("adapter is none", rank: 16);

        void AssertRefused(string why, TrainingOptions? options = null, int? rank = null, ulong dataSeed = 1)
        {
            using var other = new TrainingFixture(1, options, rank, dataSeed);
            string before = other.Bits;
            Assert.Contains(why, Assert.Throws<OtherRunException>(() => other.Load(state)).Message, StringComparison.Ordinal);
            Assert.Equal(before, other.Bits);
        }
    }

    [Fact]
    public void A_damaged_state_is_refused_wherever_it_is_damaged()
    {
        using var run = new TrainingFixture();
        var state = run.RunTo(2).Save();
        for (int at = 0; at < state.Length; at += at < 2000 ? 7 : state.Length / 97)
        {
            var damaged = (byte[])state.Clone();
            damaged[at] ^= 0x40;
            AssertRefused(damaged);
        }
        foreach (int length in new[] { 0, 1, 11, 12, 40, state.Length / 2, state.Length - 32, state.Length - 1 })
            AssertRefused(state[..length]);
        AssertRefused([.. state, 0]);
        run.Load(state);

        void AssertRefused(byte[] bytes)
        {
            var e = Assert.ThrowsAny<Exception>(() => run.Load(bytes));
            Assert.True(e is ModelFileException or OtherRunException, e.ToString());
            Assert.StartsWith("checkpoint", e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_state_of_more_steps_than_the_run_is_refused()
    {
        using var run = new TrainingFixture();
        var head = new CheckpointHead(run.Trainer.RunFacts, 12, 0, 12, 0, 0, [], []);
        using var stream = new MemoryStream();
        Checkpoint.Write(stream, head, []);
        Assert.Contains("steps do not add up", Assert.Throws<ModelFileException>(() => run.Load(stream.ToArray())).Message, StringComparison.Ordinal);
    }
}
