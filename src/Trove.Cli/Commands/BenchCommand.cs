using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Trove.Bench;
using Trove.Bench.Attacks;
using Trove.Bench.Engine;
using Trove.Cli.Benches;
using Trove.Node.Protocol;

namespace Trove.Cli.Commands;

/// <summary>Benchmarks against what people use today, in the same run.</summary>
internal static class BenchCommand
{
    public static Command Create()
    {
        var name = new Argument<string>("NAME") { Description = "age, attacks, custody, engine, generation (a part of engine), training, exports, gas, constitution, contribute, load, novelty or faults" };
        name.AcceptOnlyFromAmong("age", "attacks", "custody", "engine", "generation", "training", "exports", "gas", "constitution", "contribute", "load", "novelty", "faults");
        var megabytes = new Option<int>("--megabytes") { Description = "Size of the file for age and for each of exports", DefaultValueFactory = _ => 512 };
        var text = new Option<string?>("--text") { Description = "training: the file to learn from, such as tinyshakespeare" };
        var full = new Option<bool>("--full") { Description = "contribute: also with a hundred thousand contributions in the epoch" };
        var members = new Option<int>("--members") { Description = "load: members that contribute at once", DefaultValueFactory = _ => 500 };
        var records = new Option<int>("--records") { Description = "novelty: records in the index", DefaultValueFactory = _ => 10_000_000 };
        var uploads = new Option<int>("--uploads") { Description = "load: uploads that stay open", DefaultValueFactory = _ => 10_000 };
        var command = new Command("bench", "Measures Trove against its peers and its goals; larger ratios are better.") { name, megabytes, text, full, members, uploads, records };
        command.SetAction(async (r, ct) =>
        {
            var lines = r.GetValue(name) switch
            {
                "faults" => (await FaultsBench.RunAsync(Console.Error.WriteLine, ct)).ToAsyncEnumerable(),
                "attacks" => AttacksBench.Run(1_000, 100, ct).Concat(NearCopies.Run(5_000)).ToAsyncEnumerable(),
                "custody" => CustodyBench.Run().ToAsyncEnumerable(),
                "engine" => GemmBench.Run().Concat(TrainingBench.Run()).Concat(TokenizerBench.Run()).Concat(GenerationBench.Run()).ToAsyncEnumerable(),
                "generation" => GenerationBench.Run().ToAsyncEnumerable(),
                "training" => TrainingParityBench.Run(r.GetValue(text) ?? throw new CommandException("this bench learns from a text, and none is given", "name a file with --text")).ToAsyncEnumerable(),
                "exports" => ExportsBench.Run(r.GetValue(megabytes), ct).ToAsyncEnumerable(),
                "gas" => (await GasBench.RunAsync(ct)).ToAsyncEnumerable(),
                "constitution" => (await ConstitutionBench.RunAsync(ct)).Concat(await ReplayBench.RunAsync(100_000, Console.Error.WriteLine, ct)).ToAsyncEnumerable(),
                "contribute" => ContributeBench.RunAsync(r.GetValue(full), ct),
                "novelty" => NoveltyBench.RunAsync(r.GetValue(records), ct),
                "load" => LoadBench.RunAsync(r.GetValue(members), r.GetValue(uploads), ct),
                _ => AgeBench.Run(r.GetValue(megabytes)).ToAsyncEnumerable(),
            };
            await foreach (var line in lines)
                Console.WriteLine(r.GetValue(Shared.Json) ? JsonSerializer.Serialize(line, TroveJson.Options) : Describe(line));
            return 0;
        });
        return command;
    }

    private static string Number(double value) => value.ToString(Math.Abs(value) < 100 ? "0.##" : "N0", CultureInfo.InvariantCulture);

    private static string Describe(BenchLine l) => string.Create(CultureInfo.InvariantCulture,
        $"{l.Bench,-4} {l.What,-46} {Number(l.Ours),10} {l.Unit,-5}{(l.Peer is { } peer ? $" against {Number(peer)} ({l.PeerName})" : $" ({l.PeerName})")}{(l.Ratio is { } ratio ? $", ratio {ratio:0.00}" : "")}{(l.Goal is { } goal ? $", goal {goal:0.0#}: {(l.Met == true ? "met" : l.Met == false ? "NOT met" : "not measured")}" : "")}");
}
