using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Trove.Chain.Durability;
using Trove.Models;
using Trove.Models.Compute;
using Trove.Models.Exchange;
using Trove.Models.Tokenization;
using Trove.Models.Training;
using Trove.Node.Protocol;

namespace Trove.Cli.Models;

/// <summary>A training run from text to a model's files.</summary>
internal static class TrainRun
{
    /// <summary>Runs it.</summary>
    /// <returns>The exit code: 1 when it was stopped before its end.</returns>
    public static int Run(TrainRequest request, CancellationToken ct)
    {
        var folder = Prepare(request);
        using var progress = new Progress();
        using var pool = new WorkPool(request.Threads);
        progress.Report("testing this machine");
        SelfTest.Run(pool);
        var vocabulary = Vocabulary.Find(request, folder, progress, ct);
        using var data = new TokenFile(folder["training.tokens"]);
        using var validation = new TokenFile(folder["validation.tokens"]);
        var tokens = new TrainingTokens(vocabulary.Tokenizer, vocabulary.Chat);
        tokens.Write(request.Files, data, validation, progress, ct);

        using var parameters = Weights(request, vocabulary.Tokenizer, pool);
        using var adapter = request.Rank is { } rank ? new LoraAdapter(parameters, pool, rank, request.Seed) : null;
        var options = Options(request, parameters, adapter);
        using var trainer = new Trainer(parameters, pool, data, validation, options, adapter);
        bool resumed = request.Resume && folder.Resume(trainer, progress.Say);
        double peak = MachinePeak.Measure(pool);
        progress.Dispose();
        var facts = new TrainFacts(parameters, options, data.Length, data.Documents, validation.Length);
        Begin(request, facts, resumed ? trainer.Step : 0, peak);

        var watch = Stopwatch.StartNew();
        var display = new TrainDisplay(request.Json, progress, options, MachinePeak.OperationsOf(parameters, options.RowTokens), peak);
        if (!Train(request, trainer, folder, display, progress, ct))
            return 1;
        progress.Dispose();
        var files = Save(request, folder, vocabulary, parameters, adapter);
        string sample = TrainSample.Write(parameters, vocabulary.Tokenizer, tokens.End, pool, request.Seed);
        DurableFile.Write(folder["report.html"], file => TrainReport.Write(file, request, facts, trainer, files, sample));
        End(request, trainer, files, sample, display, watch.Elapsed);
        return 0;
    }

    private static RunFolder Prepare(TrainRequest request)
    {
        if (request.Rank is not null && request.From is null)
            throw new CommandException("--lora adapts a model, and there is none", "name its folder with --from");
        if (request.From is not null && request.Config is not null)
            throw new CommandException("--from has a model of its own size", "leave --config out");
        if (request.Merge && request.Rank is null)
            throw new CommandException("--merge is for adapters", "give --lora RANK, or leave it out");
        if (request.Steps is not null && request.Tokens is not null)
            throw new CommandException("--steps and --tokens both say how long", "give one of them");
        if (request.From is { } from && Path.GetFullPath(from) == Path.GetFullPath(request.Out))
            throw new CommandException("--out would write over the model of --from", "name another folder");
        var folder = new RunFolder(request.Out);
        if (!request.Resume && folder.Checkpoints().Count > 0)
            throw new CommandException($"{request.Out} has a run already", "go on with it with --resume, or name another --out");
        TrainingText.RequireFiles(request.Files);
        _ = ModelOptions.Read(request.Config ?? ModelOptions.Default); // nothing is made for a size that is none
        Directory.CreateDirectory(request.Out);
        return folder;
    }

    private static Parameters Weights(TrainRequest request, Tokenizer tokenizer, WorkPool pool)
    {
        if (request.From is { } from)
        {
            var loaded = ModelFolder.Load(from);
            if (tokenizer.VocabularySize <= loaded.Config.Vocabulary)
                return loaded;
            loaded.Dispose();
            throw new CommandException($"the tokenizer has {tokenizer.VocabularySize:N0} tokens, more than the model of {from}", "use the tokenizer that the model was trained with");
        }
        var config = ModelOptions.Read(request.Config ?? ModelOptions.Default);
        var parameters = new Parameters(config with { Vocabulary = tokenizer.VocabularySize, Context = request.Context ?? Math.Min(config.Context, ModelOptions.Context) });
        parameters.Initialize(pool, request.Seed);
        return parameters;
    }

    private static TrainingOptions Options(TrainRequest request, Parameters parameters, LoraAdapter? adapter)
    {
        var config = parameters.Config;
        int row = Math.Min(request.Context ?? ModelOptions.Context, config.Context);
        double rate = request.Rate ?? ModelOptions.Rate(config, tuned: request.From is not null && adapter is null);
        var options = ModelOptions.Options(config, parameters.Count, row, request.Steps, request.Tokens, request.Batch, request.Seed) with
        {
            // Adapters are AdamW's, and so were most models that others trained.
            Optimizer = request.Optimizer ?? (request.From is null ? OptimizerKind.Muon : OptimizerKind.AdamW), Schedule = request.Schedule, WeightDecay = adapter is null ? 0.1 : 0,
        };
        return options with { Rate = rate, MuonRate = options.MuonRate * rate / options.Rate };
    }

    // False: it was asked to stop.
    private static bool Train(TrainRequest request, Trainer trainer, RunFolder folder, TrainDisplay display, Progress progress, CancellationToken ct)
    {
        var last = Stopwatch.StartNew();
        while (!trainer.Done)
        {
            display.Show(trainer.Next(ct), trainer.Curve);
            bool stops = ct.IsCancellationRequested && !trainer.Done;
            if (stops || trainer.Done || last.Elapsed.TotalSeconds >= request.CheckpointSeconds)
            {
                folder.Save(trainer);
                last.Restart();
            }
            if (!stops)
                continue;
            progress.Say($"trove: stopped after step {trainer.Step:N0}; go on with:\n       {Shared.Safe(request.Again(resume: true))}");
            return false;
        }
        return true;
    }

    // What was written, and what it is.
    private static List<(string File, string Hash)> Save(TrainRequest request, RunFolder folder, Vocabulary vocabulary, Parameters parameters, LoraAdapter? adapter)
    {
        adapter?.Save(request.Out, request.From!, Write);
        if (adapter is null || request.Merge)
            ModelFolder.Save(request.Out, parameters, Write);
        vocabulary.Save(folder, parameters.Config.Context);
        return [.. new[] { "model.safetensors", "config.json", "adapter_model.safetensors", "adapter_config.json", "tokenizer.json", "tokenizer_config.json" }
            .Where(f => File.Exists(folder[f])).Select(f => (f, Hash(folder[f])))];

        static void Write(string path, Action<Stream> write) => DurableFile.Write(path, write);

        static string Hash(string path)
        {
            using var file = File.OpenRead(path);
            return Convert.ToHexStringLower(SHA256.HashData(file));
        }
    }

    private static void Begin(TrainRequest request, TrainFacts facts, long resumed, double peak)
    {
        if (request.Json)
            Print(new { @event = "start", parameters = facts.Parameters.Count, tokens = facts.Tokens, documents = facts.Documents, validationTokens = facts.ValidationTokens, steps = facts.Options.Steps, resumed, peakGigaflops = Math.Round(peak / 1e9, 1) });
        else
        {
            Console.Out.WriteLine($"{facts.Model}; {facts.Data}");
            Console.Out.WriteLine($"{facts.Run}{(resumed > 0 ? $"; going on after step {resumed:N0}" : "")}");
        }
    }

    private static void End(TrainRequest request, Trainer trainer, List<(string File, string Hash)> files, string sample, TrainDisplay display, TimeSpan time)
    {
        var point = trainer.Curve[^1];
        if (request.Json)
            Print(new
            {
                @event = "end", step = trainer.Step, loss = TrainDisplay.Finite(point.Loss), validation = TrainDisplay.Finite(point.Validation), voided = trainer.Voided, seconds = Math.Round(time.TotalSeconds, 2),
                tokensPerSecond = Math.Round(display.TokensPerSecond, 1), shareOfPeak = Math.Round(display.ShareOfPeak, 4), files = files.ToDictionary(f => f.File, f => f.Hash), sample,
            });
        else
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{Path.Combine(request.Out, files[0].File)}: loss {point.Loss:0.0000}{(double.IsFinite(point.Validation) ? $", validation {point.Validation:0.0000}" : "")}{(trainer.Voided > 0 ? $", {trainer.Voided} steps voided" : "")}, SHA-256 {files[0].Hash}"));
    }

    private static void Print(object line) => Console.Out.WriteLine(JsonSerializer.Serialize(line, TroveJson.Options));
}

/// <summary>What a run is of, in figures.</summary>
internal sealed record TrainFacts(Parameters Parameters, TrainingOptions Options, long Tokens, long Documents, long ValidationTokens)
{
    public string Model => $"{Parameters.Count / 1e6:0.00}M parameters: width {Parameters.Config.Width}, {Parameters.Config.Layers} layer{(Parameters.Config.Layers == 1 ? "" : "s")}, {Parameters.Config.Vocabulary:N0} tokens";

    public string Data => $"{Tokens:N0} tokens in {Documents:N0} document{(Documents == 1 ? "" : "s")} to learn from, {ValidationTokens:N0} to check on";

    public string Run => string.Create(CultureInfo.InvariantCulture,
        $"{Options.Steps:N0} steps of {Options.Rows} × {Options.RowTokens} tokens, {(double)Options.Steps * Options.Rows * Options.RowTokens / Tokens:0.0} epochs, {Options.Optimizer}, peak learning rate {Options.Rate}");
}
