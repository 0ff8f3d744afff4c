using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Trove.Cli.Models;
using Trove.Models.Compute;
using Trove.Models.Exchange;
using Trove.Models.Generation;
using Trove.Models.Tokenization;

namespace Trove.Cli.Commands;

/// <summary>Text of a model.</summary>
internal static class GenerateCommand
{
    private const int Batch = 512, MaxSequences = 256;
    private const int MaxPrompt = 4 << 20; // bytes: more tokens than any context has

    public static Command Generate()
    {
        var model = new Argument<string>("MODEL") { Description = "Folder with config.json, model.safetensors and tokenizer.json, or a GGUF file" };
        var prompt = new Argument<string?>("PROMPT") { Description = "Text to go on from; without it each line that is typed, or all of standard input", Arity = ArgumentArity.ZeroOrOne };
        var file = new Option<string?>("--prompt-file") { Description = "File with the prompt" };
        var max = new Option<int>("--max") { Description = "Tokens to write at most", DefaultValueFactory = _ => 256 };
        var temperature = new Option<double>("--temperature") { Description = "Below 1 likelier, above 1 wilder; 0 takes the likeliest token", DefaultValueFactory = _ => 0.8 };
        var topK = new Option<int>("--top-k") { Description = "Draw among so many of the likeliest tokens; 0: all" };
        var topP = new Option<double>("--top-p") { Description = "Draw among the likeliest tokens that reach this probability together", DefaultValueFactory = _ => 1 };
        var minP = new Option<double>("--min-p") { Description = "Draw among tokens at least this share as likely as the likeliest" };
        var repetition = new Option<double>("--repetition") { Description = "Above 1, tokens seen before get less likely", DefaultValueFactory = _ => 1 };
        var seed = new Option<ulong?>("--seed") { Description = "The same seed writes the same text; without it a new one, which is told" };
        var stop = new Option<string[]>("--stop") { Description = "Text that ends it, itself not shown; repeatable" };
        var count = new Option<int>("--count") { Description = "Texts to write at once, the next ones with the seeds that follow", DefaultValueFactory = _ => 1 };
        var int8 = new Option<bool>("--int8") { Description = "Weights in 8 bits: a quarter of the memory, faster, a slightly other model" };
        var logProbabilities = new Option<bool>("--logprobs") { Description = "With --json: the logarithm of each token's probability" };
        var chat = new Option<bool>("--chat") { Description = "The prompt is a message, and the model answers it" };
        var threads = new Option<int>("--threads") { Description = "Threads that compute; the text does not depend on it", DefaultValueFactory = _ => Environment.ProcessorCount };
        var command = new Command("generate", """
            Writes text with a model, as it comes. The same model, prompt, options and seed give the same text on every machine.

            Examples: trove generate bard "KING HENRY:" --max 200 --seed 7
                      trove generate bard.gguf --prompt-file scene.txt --temperature 0 --int8
                      trove generate bard --chat
            """) { model, prompt, file, max, temperature, topK, topP, minP, repetition, seed, stop, count, int8, logProbabilities, chat, threads };
        command.SetAction((r, ct) =>
        {
            var options = new SamplingOptions(r.GetValue(temperature), r.GetValue(topK), r.GetValue(topP), r.GetValue(minP), r.GetValue(repetition),
                r.GetValue(seed) ?? (uint)RandomNumberGenerator.GetInt32(int.MaxValue), r.GetValue(logProbabilities));
            string[] stops = r.GetValue(stop) ?? [];
            int texts = r.GetValue(count), most = r.GetValue(max);
            Check(() => options.Checked());
            if (texts is < 1 or > MaxSequences || most < 1 || r.GetValue(threads) is < 1 or > 1024 || stops.Contains(""))
                throw new CommandException($"--count {texts} --max {most} --threads {r.GetValue(threads)} is out of bounds, or a --stop is empty", $"give at least 1 of each, at most {MaxSequences} texts, and stop texts with characters");
            var first = Prompt(r.GetValue(prompt), r.GetValue(file));
            var (opened, reading) = ModelPath.OpenWithText(r.GetValue(model)!);
            using var source = opened;
            using var pool = new WorkPool(r.GetValue(threads));
            using var weights = ModelPath.Do(() => new DecoderWeights(source, pool, r.GetValue(int8)));
            var text = reading.GetAwaiter().GetResult();
            if (r.GetValue(chat) && text.Chat is null)
                throw new CommandException("this model has no conversations of a kind known here", "leave --chat out");
            using var decoder = new Decoder(weights, pool, Math.Max(Batch, texts));
            var writer = new Session(decoder, text, options, most, texts, stops, r.GetValue(chat), r.GetValue(Shared.Json));
            if (first is not null)
                writer.Answer(first, ct);
            else
                while (!ct.IsCancellationRequested && Line() is { } line)
                    writer.Answer(line, ct);
            return Task.FromResult(0);
        });
        return command;
    }

    // Null: line by line from a terminal.
    private static string? Prompt(string? text, string? file)
    {
        if (text is not null && file is not null)
            throw new CommandException("a prompt and --prompt-file are given", "give one of them");
        if (file is not null && !File.Exists(file))
            throw new CommandException($"there is no file {Shared.Safe(file)}", "name one with the prompt");
        if (text is not null || (file is null && !Console.IsInputRedirected))
            return text;
        // Neither a pipe nor a device says how long it is.
        using var input = file is null ? Console.OpenStandardInput() : File.OpenRead(file);
        var bytes = new byte[MaxPrompt + 1];
        int length = input.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        if (length > MaxPrompt)
            throw new CommandException($"the prompt is longer than {MaxPrompt >> 20} MiB", "give a shorter one: no model here reads so much");
        using var reader = new StreamReader(new MemoryStream(bytes, 0, length));
        return reader.ReadToEnd();
    }

    private static string? Line()
    {
        Console.Error.Write("> ");
        return Console.ReadLine();
    }

    private static void Check(Action action)
    {
        try
        {
            action();
        }
        catch (ArgumentException e)
        {
            throw new CommandException(e.Message, "see 'trove generate --help'");
        }
    }

    /// <summary>A model at work: one prompt, or a conversation that goes on.</summary>
    private sealed class Session(Decoder decoder, ModelText text, SamplingOptions options, int most, int count, string[] stops, bool chat, bool json)
    {
        private readonly Generator _generator = new(decoder);
        private readonly List<ChatMessage> _messages = [];

        public void Answer(string prompt, CancellationToken ct)
        {
            int[] ids = Encode(prompt);
            if (ids.Length == 0 || ids.Length > decoder.Config.Context)
                throw new CommandException($"the prompt has {ids.Length} tokens", $"give from 1 to the model's context of {decoder.Config.Context}");
            var watch = Stopwatch.StartNew();
            int[][] ends = [.. text.Ends.Select(id => (int[])[id])];
            var sequences = _generator.Add(ids, most, [.. Enumerable.Range(0, count).Select(i => options with { Seed = unchecked(options.Seed + (ulong)i) })], ends);
            try
            {
                var streams = sequences.Select(_ => new TextStream(text.Tokenizer, stops)).ToArray();
                var texts = sequences.Select(_ => new System.Text.StringBuilder()).ToArray();
                var shown = new int[count];
                double begun = 0;
                while (!ct.IsCancellationRequested && _generator.Step())
                {
                    Show();
                    begun = begun == 0 && sequences[0].Tokens.Count > ids.Length ? watch.Elapsed.TotalSeconds : begun;
                }
                Show();
                double seconds = watch.Elapsed.TotalSeconds;
                for (int i = 0; i < count; i++)
                    Tell(i, streams[i].Finish());
                if (chat)
                    _messages.Add(new ChatMessage("assistant", texts[0].ToString()));
                int written = sequences.Sum(s => s.Tokens.Count - ids.Length);
                if (json)
                    Shared.PrintJson(new Written(options.Seed, ids.Length, [.. sequences.Select((s, i) => new WrittenText(texts[i].ToString(), [.. s.Tokens.Skip(ids.Length)], streams[i].Stopped ? "stop" : Reason(s), options.LogProbabilities ? s.LogProbabilities : null))]));
                else if (count > 1)
                    for (int i = 0; i < count; i++)
                        Console.Out.WriteLine($"{(i > 0 ? "\n" : "")}--- seed {unchecked(options.Seed + (ulong)i)}\n{texts[i]}");
                else
                    Console.Out.WriteLine();
                if (!Console.IsErrorRedirected)
                    Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{ids.Length} tokens read, {written} written, {written / Math.Max(seconds - begun, 1e-9):0} tokens/s, seed {options.Seed}"));

                void Show()
                {
                    for (int i = 0; i < count; i++)
                        for (; shown[i] < sequences[i].Tokens.Count - ids.Length; shown[i]++)
                            if (!ends.Any(e => e[0] == sequences[i].Tokens[ids.Length + shown[i]]))
                            {
                                Tell(i, streams[i].Add(sequences[i].Tokens[ids.Length + shown[i]]));
                                if (streams[i].Stopped)
                                    sequences[i].Stop();
                            }
                }

                void Tell(int i, string piece)
                {
                    texts[i].Append(piece);
                    if (count > 1 || json || piece.Length == 0)
                        return;
                    // What a model writes may be meant for the terminal.
                    Console.Out.Write(Console.IsOutputRedirected ? piece : string.Concat(piece.Split('\n').Select((l, n) => (n > 0 ? "\n" : "") + string.Join('\t', l.Split('\t').Select(Shared.Safe)))));
                    Console.Out.Flush();
                }
            }
            finally
            {
                foreach (var sequence in sequences)
                {
                    sequence.Stop();
                    sequence.Dispose();
                }
                _generator.Forget();
            }
        }

        private int[] Encode(string prompt)
        {
            if (chat)
            {
                _messages.Add(new ChatMessage("user", prompt));
                return [.. text.Chat!.Encode(text.Tokenizer, _messages, answer: true)];
            }
            int[] ids = ModelPath.Do(() => text.Tokenizer.Encode(prompt, EncodeOptions.Template));
            return ids.Length == 0 && text.Ends.Count > 0 ? [text.Ends[0]] : ids; // after an end comes a beginning
        }

        private static string Reason(Sequence sequence) => sequence.Finished switch { FinishReason.Stop => "stop", FinishReason.Length => "length", _ => "interrupted" };
    }

    /// <summary>What was written.</summary>
    private sealed record Written(ulong Seed, int PromptTokens, IReadOnlyList<WrittenText> Texts);

    /// <summary>One text.</summary>
    private sealed record WrittenText(string Text, IReadOnlyList<int> Tokens, string Finish, IReadOnlyList<double>? LogProbabilities);
}
