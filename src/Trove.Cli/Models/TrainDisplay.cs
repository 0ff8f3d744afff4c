using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Trove.Models.Training;
using Trove.Node.Protocol;

namespace Trove.Cli.Models;

/// <summary>What is seen of a run while it goes: on a terminal a line that changes, for each validation a line that stays and says nothing of this machine, or JSON lines.</summary>
internal sealed class TrainDisplay(bool json, Progress progress, TrainingOptions options, double operationsOfToken, double peak)
{
    private const string Bars = "▁▂▃▄▅▆▇█";
    private const int Wide = 24;
    private const double Smoothing = 0.05;

    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private long _steps, _tokens, _timedTokens;
    private TimeSpan _last, _timed;
    private double _loss = double.NaN, _validation = double.NaN;

    /// <summary>Tokens a second of the steps since this process began to train, those that ended in a validation left out unless there are no others.</summary>
    public double TokensPerSecond => _timedTokens > 0 ? _timedTokens / Math.Max(1e-9, _timed.TotalSeconds) : _tokens / Math.Max(1e-9, _watch.Elapsed.TotalSeconds);

    /// <summary>Share of the measured peak of products of matrices.</summary>
    public double ShareOfPeak => TokensPerSecond * operationsOfToken / peak;

    /// <summary>Shows a step.</summary>
    public void Show(StepReport step, IReadOnlyList<CurvePoint> curve)
    {
        _steps++;
        _tokens += step.Tokens;
        var now = _watch.Elapsed;
        if (step.Point is not { } ended || !double.IsFinite(ended.Validation))
            (_timedTokens, _timed) = (_timedTokens + step.Tokens, _timed + (now - _last));
        _last = now;
        if (step.Applied)
            _loss = double.IsNaN(_loss) ? step.Loss : _loss + Math.Max(Smoothing, 1.0 / _steps) * (step.Loss - _loss);
        else
            progress.Say($"step {step.Step}: loss {step.Loss} and norm {step.Norm} are not both finite: it was left out");
        if (step.Point is { } point)
            ShowPoint(step, point);
        progress.Report(string.Create(CultureInfo.InvariantCulture,
            $"step {step.Step:N0}/{options.Steps:N0}  loss {_loss:0.000}{(double.IsNaN(_validation) ? "" : $"  validation {_validation:0.000}")}  {Speed()}  {Left(step.Step)} left  {Curve(curve)}"));
    }

    /// <summary>A loss's curve in one line; higher is worse.</summary>
    public static string Curve(IReadOnlyList<CurvePoint> curve)
    {
        var losses = curve.Select(p => p.Loss).Where(double.IsFinite).ToList();
        if (losses.Count < 2)
            return "";
        int wide = Math.Min(Wide, losses.Count);
        var means = Enumerable.Range(0, wide).Select(i => losses[(i * losses.Count / wide)..((i + 1) * losses.Count / wide)].Average()).ToList();
        double least = means.Min(), most = means.Max();
        return string.Concat(means.Select(m => Bars[most > least ? (int)((m - least) / (most - least) * (Bars.Length - 1)) : 0]));
    }

    private void ShowPoint(StepReport step, CurvePoint point)
    {
        if (double.IsFinite(point.Validation))
            _validation = point.Validation;
        if (json)
            Console.Out.WriteLine(JsonSerializer.Serialize(new
            {
                @event = "report", step = point.Step, loss = Finite(point.Loss), validation = Finite(point.Validation), norm = Finite(step.Norm), tokensPerSecond = Math.Round(TokensPerSecond, 1),
                shareOfPeak = Math.Round(ShareOfPeak, 4),
            }, TroveJson.Options));
        else if (double.IsFinite(point.Validation))
        {
            progress.Dispose();
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"step {point.Step,8:N0}  loss {point.Loss:0.0000}  validation {point.Validation:0.0000}"));
        }
    }

    /// <summary>JSON has no NaN.</summary>
    public static double? Finite(double value) => double.IsFinite(value) ? value : null;

    private string Speed() => string.Create(CultureInfo.InvariantCulture, $"{TokensPerSecond:N0} tokens/s, {ShareOfPeak * 100:0} % of this machine's {peak / 1e9:0} GFLOP/s");

    private string Left(long step)
    {
        var left = TimeSpan.FromSeconds(Math.Min(1e8, _watch.Elapsed.TotalSeconds / _steps * (options.Steps - step)));
        return left.TotalHours >= 48 ? $"{left.TotalDays:0} days" : left.TotalMinutes >= 90 ? $"{left.TotalHours:0.0} h" : left.TotalSeconds >= 90 ? $"{left.TotalMinutes:0} min" : $"{left.TotalSeconds:0} s";
    }
}
