using System.Globalization;
using System.Text.Json;
using Trove.Models;
using Trove.Models.Compute;
using Trove.Models.Exchange;
using Trove.Models.Tokenization;
using Trove.Models.Training;
using Trove.Node.Protocol;

namespace Trove.Cli.Models;

/// <summary>A model's loss on files of text.</summary>
internal static class EvalRun
{
    private const int MostContext = 1024;

    public static void Run(string folder, IReadOnlyList<string> paths, int? context, int threads, bool json, CancellationToken ct)
    {
        using var progress = new Progress();
        using var pool = new WorkPool(threads);
        var tokenizer = Tokenizer.Load(Path.Combine(folder, "tokenizer.json"));
        using var parameters = ModelFolder.Load(folder);
        if (tokenizer.VocabularySize > parameters.Config.Vocabulary)
            throw new CommandException($"{folder} has a tokenizer of {tokenizer.VocabularySize:N0} tokens, and a model of {parameters.Config.Vocabulary:N0}", "use the tokenizer that the model was trained with");
        int row = Math.Min(context ?? MostContext, parameters.Config.Context);
        if (row < 2)
            throw new CommandException($"rows of {row} tokens leave nothing to predict from", "give a --context of at least 2");
        var file = Path.GetTempFileName();
        using var data = new TokenFile(file);
        var tokens = new TrainingTokens(tokenizer, ChatTemplate.ChatMl);
        tokens.Write(paths, data, null, progress, ct);
        if (data.Length < 2)
            throw new CommandException("there is no text to predict", "give files with some");
        using var transformer = new Transformer(parameters, pool, Math.Max(row, ModelOptions.BatchTokens), training: false);
        var result = Evaluation.Run(transformer, data, row, ModelOptions.BatchTokens, cancel: ct, progress: done => progress.Report("reading", done, data.Length));
        progress.Dispose();
        double bits = result.Sum / Math.Log(2) / tokens.Bytes;
        if (json)
            Console.Out.WriteLine(JsonSerializer.Serialize(new { loss = result.Mean, perplexity = result.Perplexity, bitsPerByte = bits, tokens = result.Tokens, bytes = tokens.Bytes, context = row }, TroveJson.Indented));
        else
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"loss {result.Mean:0.0000} nats a token, perplexity {result.Perplexity:0.00}, {bits:0.0000} bits a byte; {result.Tokens:N0} tokens, {tokens.Bytes:N0} bytes, in rows of {row}"));
    }
}
