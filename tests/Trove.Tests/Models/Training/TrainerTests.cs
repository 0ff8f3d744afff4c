using FsCheck;
using FsCheck.Fluent;
using Trove.Models;
using Trove.Models.Compute;
using Trove.Models.Training;

namespace Trove.Tests.Models.Training;

public sealed class TrainerTests
{
    [Fact]
    public void Losses_fall_and_the_curve_has_a_point_for_each_report()
    {
        var options = TrainingFixture.Options with { Steps = 60 };
        using var run = new TrainingFixture(1, options);
        double first = run.Trainer.Next().Loss;
        run.RunTo(60);
        Assert.True(run.Trainer.Curve[^1].Loss < 0.7 * first, $"{first} to {run.Trainer.Curve[^1].Loss}");
        Assert.Equal(60, run.Trainer.Curve.Count);
        Assert.Equal([10, 20, 30, 40, 50, 60], run.Trainer.Curve.Where(p => double.IsFinite(p.Validation)).Select(p => p.Step));
        Assert.Throws<InvalidOperationException>(() => run.Trainer.Next());
    }

    [Fact]
    public void Batches_change_the_sum_of_gradients_by_rounding_only()
    {
        using TrainingFixture one = new(1, TrainingFixture.Options with { BatchTokens = 12 }), all = new(1, TrainingFixture.Options with { BatchTokens = 36 });
        for (int step = 0; step < 3; step++)
        {
            StepReport a = one.Trainer.Next(), b = all.Trainer.Next();
            Assert.Equal(a.Loss, b.Loss, 1e-5);
            Assert.Equal(a.Norm, b.Norm, 1e-4);
        }
    }

    [Fact]
    public void Until_the_end_a_validation_reads_the_same_few_rows()
    {
        using var run = new TrainingFixture();
        Assert.Equal((10, 4), (TrainingFixture.Options.ValidateEvery, TrainingFixture.Options.CheckRows));
        run.RunTo(10);
        var order = new RowOrder(0, 0, run.Validation.Length, 12);
        Assert.Equal(Loss([.. Enumerable.Range(0, 4).Select(i => order.At(i))]), run.Trainer.Curve[^1].Validation, 1e-12);
        run.RunTo(11);
        Assert.Equal(Loss([(0, 12), (12, 12), (24, 12), (36, 12), (48, 2)]), run.Trainer.Curve[^1].Validation, 1e-12);

        double Loss((long Start, int Length)[] rows)
        {
            using var pool = new WorkPool(1);
            using var transformer = new Transformer(run.Parameters, pool, 12, training: false);
            double sum = 0;
            int tokens = 0;
            foreach (var (start, length) in rows)
            {
                var batch = new RowBatch(12);
                batch.Add(run.Validation, start, length);
                batch.Each(12, (ids, targets, starts) =>
                {
                    var loss = transformer.Evaluate(ids, targets, starts);
                    (sum, tokens) = (sum + loss.Sum, tokens + loss.Tokens);
                });
            }
            return sum / tokens;
        }
    }

    [Fact]
    public void Validations_before_the_end_take_a_twentieth_of_the_time() => Prop.ForAll(Gen.Choose(1, 1_000_000).ToArbitrary(), Gen.Choose(1, 1000).ToArbitrary(), (steps, rows) =>
    {
        var options = new TrainingOptions(steps, 64, rows, 64, 1).Checked();
        long between = options.ValidateEvery * rows; // rows learnt from, each of the cost of three
        return options.CheckRows == 1 || (options.CheckRows <= between * 3 * 0.05 && options.CheckRows >= between * 3 * 0.05 - 1);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_step_that_is_not_finite_is_voided_counted_and_changes_nothing()
    {
        using var run = new TrainingFixture();
        run.RunTo(2);
        var norm = run.Parameters["model.norm.weight"];
        float kept = run.Parameters.Values(norm)[0];
        run.Parameters.Values(norm)[0] = float.NaN;
        string before = run.Bits;
        var report = run.Trainer.Next();
        Assert.False(report.Applied);
        Assert.Equal((3, 1), (run.Trainer.Step, run.Trainer.Voided));
        Assert.True(double.IsNaN(run.Trainer.Curve[^1].Loss));
        run.Parameters.Values(norm)[0] = kept;
        Assert.True(run.Trainer.Next().Applied);
        var state = run.Save();
        using var other = new TrainingFixture();
        other.Load(state);
        Assert.Equal(1, other.Trainer.Voided);
        Assert.Equal(run.RunTo(11).Bits, other.RunTo(11).Bits);
        Assert.NotEqual(before, run.Bits);
    }

    [Fact]
    public void Options_that_cannot_be_are_refused()
    {
        foreach (var options in new[]
        {
            TrainingFixture.Options with { Steps = 0 }, TrainingFixture.Options with { RowTokens = 1 }, TrainingFixture.Options with { Rows = int.MaxValue }, TrainingFixture.Options with { Rate = double.NaN },
            TrainingFixture.Options with { WarmUp = 12 }, TrainingFixture.Options with { RowTokens = 17 }, TrainingFixture.Options with { BatchTokens = 0 },
        })
            Assert.Throws<ArgumentException>(() => new TrainingFixture(1, options));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void This_machine_computes_the_vectors(int threads)
    {
        using var pool = new WorkPool(threads);
        SelfTest.Run(pool);
    }

    // The vectors' bits are the engine's own; that they are those of the equations, the reference in double says.
    [Fact]
    public unsafe void The_vectors_first_loss_is_that_of_the_equations()
    {
        using var pool = new WorkPool(1);
        using var parameters = new Parameters(SelfTest.Model);
        parameters.Initialize(pool, 42);
        double[] arena = Array.ConvertAll(new ReadOnlySpan<float>(parameters.Pointer, (int)parameters.Length).ToArray(), x => (double)x);
        var (tokens, targets) = SelfTest.Batch(42, 0, 96);
        double expected = ReferenceLlama.Loss(parameters, arena, tokens, targets, [0, 24, 30, 48, 72, 78]);
        var actual = SelfTest.Train(pool, 42, OptimizerKind.AdamW);
        Assert.Equal(expected, BitConverter.UInt64BitsToDouble(Convert.ToUInt64(actual.Losses[0], 16)), 1e-6);
    }
}
