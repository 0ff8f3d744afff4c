using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Trove.Models.Compute;
using Trove.Models.Exchange;
using Trove.Models.Optimizers;

namespace Trove.Models.Training;

/// <summary>What came of a step.</summary>
/// <param name="Step">Steps done, this one included.</param>
/// <param name="Loss">Mean loss of its tokens, in nats.</param>
/// <param name="Norm">The gradients' norm before clipping.</param>
/// <param name="Applied">False: loss or norm was not finite, and nothing was moved.</param>
/// <param name="Tokens">Tokens that went through the model.</param>
/// <param name="Point">The point of the curve that it ended, if it did.</param>
public readonly record struct StepReport(long Step, double Loss, double Norm, bool Applied, int Tokens, CurvePoint? Point);

/// <summary>
/// A training run as a sequence of steps. What a step does depends on its number, the data and the state before it only; the state can be written
/// between any two steps, and a run that goes on from it ends in the same bits. Not for several threads at once.
/// </summary>
public sealed class Trainer : IDisposable
{
    private readonly WorkPool _pool;
    private readonly TokenFile _data;
    private readonly TokenFile? _validation;
    private readonly TrainingOptions _options;
    private readonly LoraAdapter? _adapter;
    private readonly Parameters _moved;
    private readonly Transformer _transformer;
    private readonly Gradients? _gradients;
    private readonly IOptimizer _optimizer;
    private readonly RowBatch _batch;
    private readonly List<FloatSection> _state = [];
    private readonly List<KeyValuePair<string, string>> _facts;
    private readonly List<CurvePoint> _curve = [];
    private RowOrder _order;
    private long _epoch = -1, _lossTokens;
    private double _lossSum;

    /// <summary>At the beginning: the weights are those given.</summary>
    /// <param name="parameters">The model; stays the caller's.</param>
    /// <param name="pool">The threads; stay the caller's.</param>
    /// <param name="data">What is learnt from, at least two tokens; stays the caller's.</param>
    /// <param name="validation">What the curve is checked on, a part of it until the run ends; null for nothing.</param>
    /// <param name="options">The run's.</param>
    /// <param name="adapter">Trained instead of the weights, which stay as they are; the caller's.</param>
    /// <exception cref="ArgumentException">Options that cannot be, or that do not fit the model.</exception>
    public Trainer(Parameters parameters, WorkPool pool, TokenFile data, TokenFile? validation, TrainingOptions options, LoraAdapter? adapter = null)
    {
        (_pool, _data, _validation, _options, _adapter, _moved) = (pool, data, validation is { Length: > 1 } ? validation : null, options.Checked(), adapter, adapter?.Parameters ?? parameters);
        if (data.Length < 2)
            throw new ArgumentException($"there are {data.Length} tokens to learn from: give more text");
        if (options.RowTokens > parameters.Config.Context)
            throw new ArgumentException($"rows of {options.RowTokens} tokens are longer than the model's context of {parameters.Config.Context}");
        if (adapter is not null && options.Optimizer != OptimizerKind.AdamW)
            throw new ArgumentException("an adapter is trained with AdamW: orthogonal steps of its thin matrices mean nothing");
        int capacity = Math.Max(options.BatchTokens, options.RowTokens);
        _batch = new RowBatch(checked(options.Rows * options.RowTokens));
        _facts = [.. Facts(parameters)];
        _transformer = new Transformer(parameters, pool, capacity);
        _gradients = adapter is null ? new Gradients(parameters) : null;
        _optimizer = options.Create(_moved);
        AddState();
        adapter?.Merge(pool);
    }

    /// <summary>Steps done.</summary>
    public long Step { get; private set; }

    /// <summary>Of them without effect.</summary>
    public long Voided { get; private set; }

    /// <summary>Have all steps been done?</summary>
    public bool Done => Step >= _options.Steps;

    /// <summary>Points so far.</summary>
    public IReadOnlyList<CurvePoint> Curve => _curve;

    /// <summary>What the run is of: what a checkpoint must have the same of.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> RunFacts => _facts;

    /// <summary>Where the time of steps goes.</summary>
    public KernelProfile Profile => _transformer.Profile;

    /// <summary>Does one step.</summary>
    /// <param name="cancel">Leaves out a validation after the step; the step itself is done.</param>
    /// <exception cref="InvalidOperationException">All steps have been done.</exception>
    public StepReport Next(CancellationToken cancel = default)
    {
        if (Done)
            throw new InvalidOperationException($"the run has {_options.Steps} steps, and all have been done");
        FillBatch();
        Clear();
        double sum = 0;
        _batch.Each(_options.BatchTokens, (tokens, targets, starts) => sum += _transformer.Step(tokens, targets, starts, (IGradientSink?)_adapter ?? _gradients, Math.Max(1, _batch.Counted)).Sum);
        double loss = sum / Math.Max(1, _batch.Counted);
        var outcome = _optimizer.Step(_pool, _adapter?.Gradients ?? _gradients!, loss, _options.RateAt(Step));
        if (outcome.Applied)
            _adapter?.Merge(_pool);
        Step++;
        Voided += outcome.Applied ? 0 : 1;
        if (outcome.Applied)
            (_lossSum, _lossTokens) = (_lossSum + sum, _lossTokens + _batch.Counted);
        return new StepReport(Step, loss, outcome.Norm, outcome.Applied, _batch.Length, EndPoint(cancel));
    }

    /// <summary>Writes the state. A run that reads it goes on as if it had never stopped.</summary>
    public void Save(Stream output) => Checkpoint.Write(output,
        new CheckpointHead(_facts, Step, Voided, OptimizerSteps, _lossSum, _lossTokens, _curve, [.. _state.Select(s => (long)s().Length)]), _state);

    /// <summary>Reads the state that <see cref="Save"/> wrote.</summary>
    /// <param name="file">The file's name, for errors.</param>
    /// <param name="input">From its beginning; its length is known.</param>
    /// <exception cref="OtherRunException">It is of other data, options or weights; nothing was changed.</exception>
    /// <exception cref="ModelFileException">It is damaged; the state means nothing until another one is read.</exception>
    public void Load(string file, Stream input)
    {
        var head = Checkpoint.Read(file, input, h => Accept(file, h), _state);
        (Step, Voided, OptimizerSteps, _lossSum, _lossTokens) = (head.Step, head.Voided, head.OptimizerSteps, head.LossSum, head.LossTokens);
        _curve.Clear();
        _curve.AddRange(head.Curve);
        _adapter?.Merge(_pool);
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        _transformer.Dispose();
        _gradients?.Dispose();
        _optimizer.Dispose();
    }

    private long OptimizerSteps
    {
        get => (_optimizer as AdamW ?? ((Muon)_optimizer).Others).Steps;
        set => (_optimizer as AdamW ?? ((Muon)_optimizer).Others).Steps = value;
    }

    private void Accept(string file, CheckpointHead head)
    {
        var theirs = head.Facts.ToDictionary(f => f.Key, f => f.Value, StringComparer.Ordinal);
        foreach (var (name, value) in _facts)
            if (!theirs.TryGetValue(name, out var other) || other != value)
                throw new OtherRunException(file, name, other ?? "unknown", value);
        if (head.Step > _options.Steps || head.OptimizerSteps + head.Voided != head.Step)
            throw new ModelFileException(file, "it is damaged: its steps do not add up");
    }

    // The rows of a step follow those of the step before, from epoch to epoch.
    private void FillBatch()
    {
        _batch.Clear();
        long rows = RowOrder.CountRows(_data.Length, _options.RowTokens), first = checked(Step * _options.Rows);
        for (long row = first; row < first + _options.Rows; row++)
        {
            if (_epoch != row / rows)
                (_epoch, _order) = (row / rows, new RowOrder(_options.Seed, row / rows, _data.Length, _options.RowTokens));
            var (start, length) = _order.At(row % rows);
            _batch.Add(_data, start, length);
        }
    }

    private void Clear()
    {
        _adapter?.Gradients.Clear(_pool);
        _gradients?.Clear(_pool);
    }

    private CurvePoint? EndPoint(CancellationToken cancel)
    {
        if (Step % _options.ReportEvery != 0 && !Done)
            return null;
        bool validates = _validation is not null && (Step % _options.ValidateEvery == 0 || Done);
        var point = new CurvePoint(Step, _lossTokens > 0 ? _lossSum / _lossTokens : double.NaN, validates ? Validate(cancel) : double.NaN);
        (_lossSum, _lossTokens) = (0, 0);
        _curve.Add(point);
        return point;
    }

    private double Validate(CancellationToken cancel)
    {
        try
        {
            long all = RowOrder.CountRows(Math.Min(_validation!.Length, _options.ValidationTokens), _options.RowTokens);
            var result = Done || _options.CheckRows >= all
                ? Evaluation.Run(_transformer, _validation, _options.RowTokens, _options.BatchTokens, _options.ValidationTokens, cancel)
                : Evaluation.Sample(_transformer, _validation, _options.RowTokens, _options.BatchTokens, _options.CheckRows, cancel);
            return result.Mean;
        }
        catch (OperationCanceledException)
        {
            return double.NaN; // the step was done, and is kept; the curve lacks a value
        }
    }

    private IEnumerable<KeyValuePair<string, string>> Facts(Parameters parameters)
    {
        yield return new("model", parameters.Config.ToString());
        yield return new("starting weights", Convert.ToHexStringLower(HashOf(parameters)));
        yield return new("adapter", _adapter?.ToString() ?? "none");
        yield return new("training data", Convert.ToHexStringLower(_data.Hash()));
        yield return new("validation data", _validation is null ? "none" : Convert.ToHexStringLower(_validation.Hash()));
        foreach (var fact in _options.Facts())
            yield return fact;
    }

    private static byte[] HashOf(Parameters parameters)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var tensor in parameters.Tensors)
            hash.AppendData(MemoryMarshal.AsBytes(parameters.Values(tensor)));
        return hash.GetHashAndReset();
    }

    private void AddState()
    {
        foreach (var tensor in _moved.Tensors)
        {
            _state.Add(() => _moved.Values(tensor));
            if (_optimizer is Muon muon && (tensor.Role is TensorRole.ResidualReading or TensorRole.ResidualWriting))
                _state.Add(() => muon.Momentum(tensor));
            else
            {
                var adam = _optimizer as AdamW ?? ((Muon)_optimizer).Others;
                _state.Add(() => adam.Moments(tensor, squares: false));
                _state.Add(() => adam.Moments(tensor, squares: true));
            }
        }
    }
}
