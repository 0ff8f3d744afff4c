using System.CommandLine;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;
using Trove.Node;
using Trove.Node.Chain;
using Trove.Node.Verification;

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
        var rpc = new Option<Uri?>("--rpc") { Description = "A network's RPC instead of the embedded chain" };
        var factory = new Option<string?>("--factory") { Description = "Trove's factory on that network" };
        var payment = new Option<string?>("--payment-token") { Description = "The payment token on that network" };
        var confirmations = new Option<ulong>("--confirmations") { Description = "Blocks until that network's events count", DefaultValueFactory = _ => 2UL };
        var key = new Option<FileInfo?>("--relayer-key") { Description = "Key file that pays the gas on that network" };
        var (passphraseFile, passphraseFd) = (Shared.PassphraseFile(), Shared.PassphraseFd());
        var command = new Command("node", "Runs a node: API, vault, queues, and an embedded chain unless --rpc names a network.")
        {
            data, listen, port, db, rpc, factory, payment, confirmations, key, passphraseFile, passphraseFd,
        };
        command.SetAction(async (r, ct) =>
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
                    Data = Path.GetFullPath(r.GetValue(data)!), Listen = address, Port = r.GetValue(port), Rpc = r.GetValue(rpc), Contracts = contracts, Relayer = keys?.SigningKey,
                    Confirmations = r.GetValue(confirmations), Database = r.GetValue(db) is { } url ? (await File.ReadAllTextAsync(url.FullName, ct)).Trim() : null,
                }, ct);
                if (r.GetValue(Shared.Json))
                    Shared.PrintJson(new { address = node.Address });
                else
                    Console.WriteLine($"node at {node.Address}");
                await node.WaitAsync(ct);
            }
            return 0;
        });
        return command;
    }

    public static Command Verifier()
    {
        var (key, passphraseFile, passphraseFd, node) = (Shared.Key(), Shared.PassphraseFile(), Shared.PassphraseFd(), Shared.Node());
        var rpc = new Option<Uri?>("--rpc") { Description = "The verifier's own view of the chain; the node's by default" };
        var command = new Command("verifier", "Runs a verifier: checks contributions in memory, attests facts, signs epochs.") { key, passphraseFile, passphraseFd, node, rpc };
        command.SetAction(async (r, ct) =>
        {
            using var keys = Shared.OpenKey(r.GetValue(key)!, r.GetValue(passphraseFile), r.GetValue(passphraseFd));
            using var client = Shared.Client(r.GetValue(node), longRunning: true);
            using var logs = LoggerFactory.Create(l => l.AddSimpleConsole(o => o.SingleLine = true).Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(o => o.LogToStandardErrorThreshold = LogLevel.Trace));
            using var chain = new EthClient(r.GetValue(rpc) ?? new Uri(client.Node, (await client.InfoAsync(ct)).Rpc is { Length: > 0 } path ? path
                : throw new CommandException("this node's chain is a network", "give --rpc with the network's RPC")));
            Console.WriteLine($"verifier {keys.SigningKey.Address} works for {client.Node}");
            await new VerifierProcess(client, chain, keys, logs.CreateLogger<VerifierProcess>()).RunAsync(ct);
            return 0;
        });
        return command;
    }
}
