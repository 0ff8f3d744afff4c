using System.Collections.Immutable;
using System.CommandLine;
using Trove.Chain.Durability;
using Trove.Cli.Models;
using Trove.Models.Tokenization;

namespace Trove.Cli.Commands;

/// <summary>Vocabularies of models.</summary>
internal static class TokenizerCommands
{
    private const int DefaultVocabulary = 4096;

    public static Command Tokenizer()
    {
        var command = new Command("tokenizer", "Vocabularies that models read and write text with.");
        command.Subcommands.Add(Train());
        return command;
    }

    private static Command Train()
    {
        var files = new Argument<string[]>("FILE") { Description = "Text, or JSON lines (.jsonl) with a \"text\" each", Arity = ArgumentArity.OneOrMore };
        var output = new Option<string>("--out") { Description = "Where to write it", DefaultValueFactory = _ => "tokenizer.json" };
        var size = new Option<int>("--vocabulary") { Description = "Tokens in all, special ones and the 256 bytes among them", DefaultValueFactory = _ => DefaultVocabulary };
        var special = new Option<string[]>("--special") { Description = "A special token; repeatable. They get the first ids" };
        var least = new Option<long>("--min-frequency") { Description = "How often a pair must stand in the text to become a token", DefaultValueFactory = _ => 2 };
        var threads = new Option<int>("--threads") { Description = "Threads that count words; the result does not depend on it", DefaultValueFactory = _ => Environment.ProcessorCount };
        var command = new Command("train", """
            Trains a byte-level BPE tokenizer, as tokenizer.json of Hugging Face. The same text gives the same file on every machine.

            Example: trove tokenizer train shakespeare.txt chats.jsonl --vocabulary 4096 --special "<|im_start|>" --special "<|im_end|>"
            """) { files, output, size, special, least, threads };
        command.SetAction((r, ct) =>
        {
            var (paths, path) = (r.GetValue(files)!, r.GetValue(output)!);
            int fewest = 256 + (r.GetValue(special)?.Length ?? 0);
            if (r.GetValue(size) < fewest)
                throw new CommandException($"--vocabulary {r.GetValue(size)} has no room for 256 bytes and the special tokens", $"give at least {fewest}");
            long all = TrainingText.Size(paths);
            using var progress = new Progress();
            var options = new TrainerOptions(r.GetValue(size)) { SpecialTokens = [.. (r.GetValue(special) ?? []).ToImmutableArray()], MinFrequency = r.GetValue(least), Threads = r.GetValue(threads) };
            Tokenizer tokenizer;
            try
            {
                tokenizer = TokenizerTrainer.Train(TrainingText.Documents(paths), options, new Told(progress, all, options.VocabularySize), ct);
            }
            catch (ArgumentException e)
            {
                throw new CommandException($"this cannot be trained: {e.Message}", "see 'trove tokenizer train --help'");
            }
            DurableFile.Write(path, tokenizer.Write);
            progress.Dispose();
            if (r.GetValue(Shared.Json))
                Shared.PrintJson(new TrainedInfo(path, tokenizer.VocabularySize, all));
            else
                Console.WriteLine($"{path}: {tokenizer.VocabularySize:N0} tokens of {all / 1e6:0.0} MB of text{(tokenizer.VocabularySize < options.VocabularySize ? "; it has no more pairs that are frequent enough" : "")}");
            return Task.FromResult(0);
        });
        return command;
    }

    /// <summary>What was trained.</summary>
    private sealed record TrainedInfo(string File, int Tokens, long Bytes);

    private sealed class Told(Progress progress, long all, int tokens) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            lock (progress)
            {
                if (value.Tokens == 0)
                    progress.Report("counting words", value.Bytes, all);
                else
                    progress.Report("merging", value.Tokens, tokens);
            }
        }
    }
}
