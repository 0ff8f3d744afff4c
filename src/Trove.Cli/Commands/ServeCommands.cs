using System.CommandLine;
using System.Net;
using Microsoft.Extensions.Logging;
using Trove.Core;
using Trove.Crypto;
using Trove.Node;
using Trove.Node.Chain;
using Trove.Node.Guardians;
using Trove.Node.Operations;
using Trove.Node.Runners;
using Trove.Node.Verification;
using Trove.Node.Verification.Pages;

namespace Trove.Cli.Commands;

/// <summary>The long-running roles.</summary>
internal static class ServeCommands
{
    public static Command Node()
    {
        var data = Shared.Data();
        var listen = new Option<string>("--listen") { Description = "Address to listen on", DefaultValueFactory = _ => "127.0.0.1" };
        var port = new Option<int>("--port") { Description = "Port; a free one by default" };
        var db = new Option<FileInfo?>("--db-file") { Description = "File with a PostgreSQL URL to use instead of a private cluster (it holds a password, so it is no argument)" };
        var blobs = new Option<string?>("--blobs") { Description = "Folder of the ciphertext; nodes on one database share it" };
        var rpc = Shared.Rpc("A network's RPC instead of the embedded chain");
        var publicUrl = Shared.Url("--public-url", "What members know the node under, such as https://trove.example; wallets sign in to no other name");
        var factory = new Option<string?>("--factory") { Description = "Trove's factory on that network" };
        var payment = new Option<string?>("--payment-token") { Description = "The payment token on that network" };
        var confirmations = new Option<ulong>("--confirmations") { Description = "Blocks until that network's events count", DefaultValueFactory = _ => 2UL };
        var key = new Option<FileInfo?>("--relayer-key") { Description = "Key file that pays the gas on that network" };
        var founders = new Option<string[]>("--founder") { Description = "Whose assets it pays the gas for on that network, and whose founding; repeatable. Members of other assets send what they sign themselves" };
        var keepFree = new Option<int>("--keep-free") { Description = "MiB of the disk to leave free: below it nothing new is taken", DefaultValueFactory = _ => 1024 };
        var verifierPatience = new Option<int>("--verifier-patience") { Description = "Seconds that verifiers may be silent about a contribution before another one is called", DefaultValueFactory = _ => 21_600 };
        var patience = new Option<int>("--ceremony-patience") { Description = "Seconds that a round of a ceremony stays open for guardians who are silent", DefaultValueFactory = _ => 60 };
        var (level, format) = (Level(), Format());
        var (passphraseFile, passphraseFd) = (Shared.PassphraseFile(), Shared.PassphraseFd());
        var command = new Command("node", "Runs a node: API, vault, queues, and an embedded chain unless --rpc names a network.")
        {
            data, listen, port, publicUrl, db, blobs, rpc, factory, payment, confirmations, key, founders, passphraseFile, passphraseFd, keepFree, verifierPatience, patience, level, format,
        };
        command.SetServeAction(async (r, ct) =>
        {
            if (!IPAddress.TryParse(r.GetValue(listen), out var address))
                throw new CommandException("--listen takes an IP address", "give 127.0.0.1, or 0.0.0.0 behind a proxy that speaks https");
            KeyFile? keys = null;
            ContractAddresses? contracts = null;
            if (r.GetValue(rpc) is not null)
            {
                if (r.GetValue(key) is not { } file || !Address.TryParse(r.GetValue(factory), out var f) || !Address.TryParse(r.GetValue(payment), out var p))
                    throw new CommandException("a network needs --factory, --payment-token and --relayer-key", "deploy the contracts once and name them");
                keys = Shared.OpenKey(file, r.GetValue(passphraseFile), r.GetValue(passphraseFd));
                contracts = new ContractAddresses(f, p);
            }
            using (keys)
            {
                await using var node = await NodeHost.StartAsync(new NodeOptions
                {
                    Data = Path.GetFullPath(r.GetValue(data)!), Blobs = r.GetValue(blobs) is { } folder ? Path.GetFullPath(folder) : null, PublicUrl = r.GetValue(publicUrl), Listen = address, Port = r.GetValue(port), Rpc = r.GetValue(rpc), Contracts = contracts, Relayer = keys?.SigningKey, Founders = [.. (r.GetValue(founders) ?? []).Select(VoteCommands.ParseAddress)],
                    LogLevel = r.GetValue(level), LogFormat = r.GetValue(format),
                    KeepFree = r.GetValue(keepFree) is > 0 and var mib ? (long)mib << 20 : throw new CommandException("--keep-free is a number of MiB above 0", "a full disk ends PostgreSQL: keep some hundred"),
                    VerifierPatience = r.GetValue(verifierPatience) is >= 1 and <= 2_592_000 and var wait ? TimeSpan.FromSeconds(wait) : throw new CommandException("--verifier-patience is a number of seconds from 1 to 2592000", "give verifiers hours: 21600 are six"),
                    CeremonyPatience = r.GetValue(patience) is >= 1 and <= 3600 and var seconds ? TimeSpan.FromSeconds(seconds) : throw new CommandException("--ceremony-patience is a number of seconds from 1 to 3600", "give guardians time to answer: 60 are enough on most networks"),
                    Confirmations = r.GetValue(confirmations), Database = r.GetValue(db) is { } url ? (await File.ReadAllTextAsync(url.FullName, ct)).Trim() : null,
                }, ct);
                if (r.GetValue(Shared.Json))
                    Shared.PrintJson(new { address = node.Address });
                else
                    Console.WriteLine($"node at {node.Address}");
                await node.WaitAsync(ct);
            }
        });
        return command;
    }

    public static Command Verifier()
    {
        var (key, passphraseFile, passphraseFd, node) = (Shared.Key(), Shared.PassphraseFile(), Shared.PassphraseFd(), Shared.Node());
        var data = new Option<string?>("--data") { Description = "Folder for what the verifier must not forget: the roots it signed. Each verifier has a folder of its own in it; without this option it is beside the key file" };
        var rpc = Shared.Rpc("The verifier's own view of the chain; the node's by default");
        var (resolver, level, format) = (Shared.Resolver(), Level(), Format());
        var app = new Option<FileInfo?>("--reddit-app") { Description = "File whose first line is CLIENT-ID:SECRET of an app that you registered with Reddit, which is then asked in the app's name (it holds a secret, so it is no argument)" };
        var command = new Command("verifier", "Runs a verifier: checks contributions in memory, attests facts, signs epochs.") { key, passphraseFile, passphraseFd, data, node, rpc, resolver, app, level, format };
        command.SetServeAction(async (r, ct) =>
        {
            var dns = Shared.ResolverOf(r.GetValue(resolver));
            using var pages = new PageFetcher(r.GetValue(app) is { } file ? RedditApp.FromFile(file.FullName) : null);
            using var keys = Shared.OpenKey(r.GetValue(key)!, r.GetValue(passphraseFile), r.GetValue(passphraseFd));
            using var client = Shared.Client(r.GetValue(node), longRunning: true);
            using var logs = Logs(r, level, format);
            using var chain = await Shared.ChainAsync(client, r.GetValue(rpc), ct);
            Console.WriteLine($"verifier {keys.SigningKey.Address} works for {client.Node}");
            var folder = Path.Combine(r.GetValue(data) ?? r.GetValue(key)!.DirectoryName!, $"verifier-{keys.SigningKey.Address}");
            await new VerifierProcess(client, chain, keys, folder, dns.LookUpAsync, pages.GetAsync, logs.CreateLogger<VerifierProcess>()).RunAsync(ct);
        });
        return command;
    }

    public static Command Guardian()
    {
        var (key, passphraseFile, passphraseFd, node, data) = (Shared.Key(), Shared.PassphraseFile(), Shared.PassphraseFd(), Shared.Node(), Shared.Data());
        data.Description = "Folder for sealed shares and logs of releases; each guardian has a folder of its own in it";
        var rpc = Shared.Rpc("The guardian's own view of the chain. Without it the node's is used, which guards against nothing the node does: for an embedded chain only");
        var confirmations = new Option<ulong>("--confirmations") { Description = "How many blocks below the head a use must have been opened; 0 is for embedded chains, which have no reorganisations", DefaultValueFactory = _ => 12UL };
        var assets = AssetsOption();
        var factory = new Option<string?>("--factory") { Description = "Address of the asset factory whose creations it takes part in; by default the one that the node names at the first start, kept in the folder ever after" };
        var (level, format) = (Level(), Format());
        var limits = new GuardianCommands.Limits();
        var command = new Command("guardian", "Runs a guardian: makes an asset's key together with others, holds one share of it, and releases only what an opened use on its own chain view covers.")
        {
            key, passphraseFile, passphraseFd, data, node, rpc, confirmations, assets, factory, level, format,
            GuardianCommands.Status(), GuardianCommands.Log(), GuardianCommands.Backup(), GuardianCommands.Restore(),
        };
        limits.AddTo(command);
        command.SetServeAction(async (r, ct) =>
        {
            using var keys = Shared.OpenKey(r.GetValue(key)!, r.GetValue(passphraseFile), r.GetValue(passphraseFd));
            using var client = Shared.Client(r.GetValue(node), longRunning: true);
            using var logs = Logs(r, level, format);
            using var chain = await Shared.ChainAsync(client, r.GetValue(rpc), ct);
            var chosen = r.GetValue(factory) is { } at ? VoteCommands.ParseAddress(at) : (Address?)null;
            var process = new GuardianProcess(client, chain, keys, new GuardianOptions(Path.Combine(Path.GetFullPath(r.GetValue(data)!), $"guardian-{keys.SigningKey.Address}"), r.GetValue(confirmations), Assets(r.GetValue(assets)), chosen) { Limits = limits.Of(r) }, logs.CreateLogger<GuardianProcess>(), TimeProvider.System);
            Console.WriteLine($"guardian {keys.SigningKey.Address} works for {client.Node}; every release, evaluation and refusal is in {process.LogFile}");
            await process.RunAsync(ct);
        });
        return command;
    }

    public static Command Runner()
    {
        var (key, passphraseFile, passphraseFd, node) = (Shared.Key(), Shared.PassphraseFile(), Shared.PassphraseFd(), Shared.Node());
        var rpc = Shared.Rpc("The runner's own view of the chain; the node's by default, which is for an embedded chain");
        var assets = AssetsOption();
        var disputes = new Option<string[]>("--dispute") { Description = "A request whose posted result it computes again, with its stake for its word; repeatable" };
        var (level, format) = (Level(), Format());
        var command = new Command("runner", "Runs a runner: opens granted uses, computes in a process without network or files, posts results encrypted to their buyers.") { key, passphraseFile, passphraseFd, node, rpc, assets, disputes, level, format };
        command.SetServeAction(async (r, ct) =>
        {
            using var keys = Shared.OpenKey(r.GetValue(key)!, r.GetValue(passphraseFile), r.GetValue(passphraseFd));
            using var client = Shared.Client(r.GetValue(node), longRunning: true);
            using var logs = Logs(r, level, format);
            using var chain = await Shared.ChainAsync(client, r.GetValue(rpc), ct);
            var executor = new ExecutorCommand(Environment.ProcessPath!, [Environment.GetCommandLineArgs()[0], ExecutorName]);
            Console.WriteLine($"runner {keys.SigningKey.Address} works for {client.Node}");
            await new RunnerProcess(client, chain, keys, executor, Assets(r.GetValue(assets)), logs.CreateLogger<RunnerProcess>(), TimeProvider.System)
            {
                Disputes = (r.GetValue(disputes) ?? []).Select(VoteCommands.ParseHash).ToHashSet(),
            }.RunAsync(ct);
        });
        return command;
    }

    /// <summary>What a runner starts for each use; not for people.</summary>
    public static Command Executor()
    {
        var command = new Command(ExecutorName, "Computes one use for the runner that started it.") { Hidden = true };
        command.SetAction(_ => UseExecutor.Run(Console.OpenStandardInput(), Console.OpenStandardOutput()));
        return command;
    }

    private const string ExecutorName = "execute-use";

    private static Option<string[]> AssetsOption() => new("--asset")
    {
        Description = "Address of an asset to work for, repeatable. Without it all that name this key, and anybody can found one that does",
    };

    private static IReadOnlyCollection<Address> Assets(string[]? named) => [.. (named ?? []).Select(VoteCommands.ParseAddress)];

    private static Option<LogLevel> Level() => new("--log-level") { Description = "Least important lines to print", DefaultValueFactory = _ => LogLevel.Information };

    private static Option<LogFormat> Format() => new("--log-format") { Description = "Text for people, or json: a line each with event id, trace id and values" };

    private static ILoggerFactory Logs(ParseResult r, Option<LogLevel> level, Option<LogFormat> format) => LoggerFactory.Create(l => l.AddTrove(r.GetValue(level), r.GetValue(format)));
}
