using System.CommandLine;
using Trove.Cli.Models;
using Trove.Models.Exchange;
using Trove.Models.Tokenization;
using Trove.Models.Training;

namespace Trove.Cli.Commands;

/// <summary>Training models, and how well they have learnt.</summary>
internal static class TrainCommand
{
    private static Argument<string[]> Files() => new("FILE")
    {
        Description = "Text, JSON lines (.jsonl) with a \"text\" or \"messages\" each, or records as .parquet", Arity = ArgumentArity.OneOrMore,
    };

    private static Option<int> Threads() => new("--threads") { Description = "Threads that compute; the result does not depend on it", DefaultValueFactory = _ => Environment.ProcessorCount };

    public static Command Train()
    {
        var files = Files();
        var output = new Option<string>("--out") { Description = "Folder for the model, its checkpoints and the report", Required = true };
        var config = new Option<string?>("--config") { Description = "The model's size: 0.8M (bytes are its tokens), 5M, 30M, 125M, \"depth N\", or a config.json; default " + ModelOptions.Default };
        var from = new Option<string?>("--from") { Description = "Folder of a model to go on from, instead of a new one" };
        var lora = new Option<int?>("--lora") { Description = "Train an adapter of this rank (LoRA) beside the model of --from, which stays as it is" };
        var merge = new Option<bool>("--merge") { Description = "Write the model with its adapter merged into it, too" };
        var vocabulary = new Option<string?>("--tokenizer") { Description = "A tokenizer.json; without it one is trained on the text, or that of --from is taken" };
        var steps = new Option<long?>("--steps") { Description = "Steps of the run" };
        var tokens = new Option<long?>("--tokens") { Description = "Tokens of the run, instead of steps; default 20 for each parameter" };
        var context = new Option<int?>("--context") { Description = $"Tokens of a row, and the longest text of a new model; default {ModelOptions.Context}" };
        var batch = new Option<int?>("--batch") { Description = "Tokens of a step; larger models take larger ones by default" };
        var rate = new Option<double?>("--rate") { Description = "Learning rate of adamw at its peak, by default by the model's width; muon's is in proportion to it" };
        var optimizer = new Option<string?>("--optimizer") { Description = "adamw, or muon for the layers' matrices; default: muon for a new model, adamw with --from" };
        optimizer.AcceptOnlyFromAmong("adamw", "muon");
        var schedule = new Option<string>("--schedule") { Description = "The learning rate's way: cosine, or wsd (warm-up, stable, decay)", DefaultValueFactory = _ => "cosine" };
        schedule.AcceptOnlyFromAmong("cosine", "wsd");
        var seed = new Option<ulong>("--seed") { Description = "Of initial weights and of the order of data", DefaultValueFactory = _ => 42 };
        var threads = Threads();
        var every = new Option<int>("--checkpoint-every") { Description = "Seconds from one checkpoint to the next", DefaultValueFactory = _ => 120 };
        var resume = new Option<bool>("--resume") { Description = "Go on from the last checkpoint in --out; the model is the same to the bit as without the interruption" };
        var command = new Command("train", """
            Trains a transformer on your own text, on this machine, and writes it as Hugging Face reads it. The same command gives the same bits on every machine.
            A tenth of the text is kept to check on. Ctrl-C stops at a checkpoint.

            Examples: trove train shakespeare.txt --out shakespeare --steps 2000
                      trove train notes.txt chats.jsonl --config 5M --out mine
                      trove train chats.jsonl --from SmolLM-135M --lora 8 --out adapter
            """) { files, output, config, from, lora, merge, vocabulary, steps, tokens, context, batch, rate, optimizer, schedule, seed, threads, every, resume };
        command.SetAction((r, ct) =>
        {
            var request = new TrainRequest(r.GetValue(files)!, r.GetValue(output)!)
            {
                Config = r.GetValue(config), From = r.GetValue(from), Rank = r.GetValue(lora), Merge = r.GetValue(merge), TokenizerFile = r.GetValue(vocabulary), Steps = r.GetValue(steps), Tokens = r.GetValue(tokens),
                Context = r.GetValue(context), Batch = r.GetValue(batch), Rate = r.GetValue(rate), Seed = r.GetValue(seed), Threads = r.GetValue(threads), CheckpointSeconds = r.GetValue(every),
                Optimizer = r.GetValue(optimizer) switch { "adamw" => OptimizerKind.AdamW, "muon" => OptimizerKind.Muon, _ => null }, Schedule = r.GetValue(schedule) == "wsd" ? ScheduleKind.WarmUpStableDecay : ScheduleKind.Cosine,
                Resume = r.GetValue(resume), Json = r.GetValue(Shared.Json), Command = ["trove", .. r.Tokens.Select(t => t.Value)],
            };
            return Task.FromResult(Guarded("train", () => TrainRun.Run(request, ct)));
        });
        return command;
    }

    public static Command Eval()
    {
        var model = new Argument<string>("DIR") { Description = "Folder of the model" };
        var (files, threads) = (Files(), Threads());
        var context = new Option<int?>("--context") { Description = "Tokens of a row: what is before it a token does not see; default the model's context, at most 1024" };
        var command = new Command("eval", """
            How well a model predicts text it has not learnt from: loss (nats a token), perplexity, bits a byte.

            Example: trove eval shakespeare sonnets.txt
            """) { model, files, context, threads };
        command.SetAction((r, ct) => Task.FromResult(Guarded("eval", () =>
        {
            EvalRun.Run(r.GetValue(model)!, r.GetValue(files)!, r.GetValue(context), r.GetValue(threads), r.GetValue(Shared.Json), ct);
            return 0;
        })));
        return command;
    }

    // What the engine refuses is no defect of the program.
    private static int Guarded(string command, Func<int> run)
    {
        try
        {
            return run();
        }
        catch (OtherRunException e)
        {
            throw new CommandException(e.Message, "give what the run was begun with, or begin another with another --out");
        }
        catch (Exception e) when (e is ModelFileException or TokenizerException or ArgumentException)
        {
            throw new CommandException(e.Message, $"see 'trove {command} --help'");
        }
        catch (SelfTestException e)
        {
            throw new CommandException(e.Message, "use another machine or build; please report this with the processor's name");
        }
    }
}
