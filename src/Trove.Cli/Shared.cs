using System.CommandLine;
using System.Net;
using System.Runtime.InteropServices;
using System.Text.Json;
using Trove.Chain.Rpc;
using Trove.Cli.Direct;
using Trove.Core;
using Trove.Crypto;
using Trove.Exports;
using Trove.Node.Database;
using Trove.Node.Dns;
using Trove.Node.Protocol;

namespace Trove.Cli;

/// <summary>A command cannot be done: what and why, and the next step.</summary>
public sealed class CommandException(string message, string nextStep) : Exception(message)
{
    /// <summary>What to do about it.</summary>
    public string NextStep => nextStep;
}

/// <summary>What all commands share: options, where the node is, keys, output, and how errors end.</summary>
internal static class Shared
{
    public static readonly Option<bool> Json = new("--json") { Description = "Print JSON instead of text", Recursive = true };

    public static Option<string?> Node() => new("--node") { Description = "The node's address; without it the one running on this machine" };

    public static Option<string> Data() => new("--data")
    {
        Description = "Folder for everything this process keeps",
        DefaultValueFactory = _ => DefaultData,
    };

    public static Option<FileInfo> Key() => new("--key") { Description = "Key file, made with 'trove key new'", Required = true };

    /// <summary>Of what anybody may send.</summary>
    public static Option<FileInfo?> Payer() => new("--key") { Description = "With --direct: key file of the account that pays the gas" };

    public static Option<string?> PassphraseFile() => new("--passphrase-file") { Description = "File whose first line is the passphrase" };

    public static Option<int?> PassphraseFd() => new("--passphrase-fd") { Description = "File descriptor to read the passphrase from" };

    /// <summary>The URL of a chain's RPC.</summary>
    public static Option<Uri?> Rpc(string description) => Url("--rpc", description);

    /// <summary>Past all nodes, by the chain itself.</summary>
    public static Option<Uri?> Direct() => Url("--direct", "Asks no node and sends it to the chain yourself, by this RPC; your account pays the gas. --asset is then an address");

    /// <summary>An asset's contracts by <see cref="Direct"/>, or the node that knows them.</summary>
    /// <param name="node">As given with --node.</param>
    /// <param name="direct">As given with --direct.</param>
    /// <param name="asset">As given with --asset.</param>
    /// <param name="payer">Whose account pays; null where nothing is sent.</param>
    public static IAssetClient Client(string? node, Uri? direct, string? asset, SigningKey? payer)
    {
        if (direct is null)
            return Client(node);
        if (asset is null || !Address.TryParse(asset, out var address))
            throw new CommandException("without a node nobody says which contract a symbol is", "name the asset by its address, as 'trove asset list' of any node shows it");
        try
        {
            return new DirectClient(new EthClient(direct), address, payer, node is null ? null : Client(node));
        }
        catch (ArgumentException e)
        {
            throw new CommandException(e.Message, "give https://…, or http:// on this machine");
        }
    }

    /// <summary>The chain: one's own view of it, or the node's embedded one.</summary>
    public static async Task<EthClient> ChainAsync(TroveClient client, Uri? rpc, CancellationToken ct) => new(rpc ?? new Uri(client.Node, (await client.InfoAsync(ct)).Rpc is { Length: > 0 } path
        ? path
        : throw new CommandException("this node's chain is a network", "give --rpc with the network's RPC")));

    /// <summary>A URL; System.CommandLine reads no Uri by itself.</summary>
    public static Option<Uri?> Url(string name, string description) => new(name)
    {
        Description = description,
        CustomParser = r =>
        {
            if (Uri.TryCreate(r.Tokens[^1].Value, UriKind.Absolute, out var uri) && uri.Scheme is "https" or "http")
                return uri;
            r.AddError($"'{r.Tokens[^1].Value}' is no URL; write https://… or http://…");
            return null;
        },
    };

    /// <summary>Who is asked for domains' keys.</summary>
    public static Option<string?> Resolver() => new("--resolver") { Description = "Asks this resolver, ADDRESS or ADDRESS:PORT, for the keys of mails; without it those of this machine" };

    /// <summary>The resolver that <see cref="Resolver"/> names; this machine's without one.</summary>
    public static TxtResolver ResolverOf(string? address)
    {
        if (address is null)
            return TxtResolver.OfMachine();
        if (!IPEndPoint.TryParse(address, out var server))
            throw new CommandException($"'{address}' is no address of a resolver", "give one such as 9.9.9.9 or 127.0.0.1:5353");
        return new TxtResolver([server.Port == 0 ? new IPEndPoint(server.Address, 53) : server]);
    }

    /// <summary>A mail's bytes as they were received.</summary>
    public static byte[] ReadMail(FileInfo file, int longest)
    {
        if (!file.Exists)
            throw new CommandException($"there is no file {file.FullName}", "save the mail from your mail program, mostly by 'Save as' or 'Show original'");
        if (file.Length > longest)
            throw new CommandException($"{file.Name} is longer than {longest >> 20} MiB", "give one mail, not a mailbox");
        return File.ReadAllBytes(file.FullName);
    }

    /// <summary>Where a node keeps its data, and where its clients find its address.</summary>
    public static string DefaultData => Environment.GetEnvironmentVariable("TROVE_DATA") ?? (Environment.UserName == "root"
        ? "/var/lib/trove" // PostgreSQL runs as another user there and cannot enter /root
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify), "trove"));

    /// <summary>The file in which a running node leaves its address.</summary>
    public static string AddressFile(string data) => Path.Combine(data, "node.address");

    /// <summary>A client of the named node, or of the one that left its address on this machine; a long-running one waits a restart out.</summary>
    public static TroveClient Client(string? node, bool longRunning = false)
    {
        node ??= Environment.GetEnvironmentVariable("TROVE_NODE");
        if (node is null)
        {
            var file = new[] { DefaultData, Path.Combine(DefaultData, "demo") }.Select(AddressFile).Where(File.Exists)
                .OrderByDescending(File.GetLastWriteTimeUtc).FirstOrDefault()
                ?? throw new CommandException("no node is running here that has left its address", "start one with 'trove node' or 'trove demo', or name one with --node URL");
            node = File.ReadAllText(file).Trim();
        }
        return Uri.TryCreate(node, UriKind.Absolute, out var uri) && (uri.Scheme == "https" || (uri.Scheme == "http" && uri.IsLoopback))
            ? new TroveClient(uri, longRunning)
            : throw new CommandException($"'{node}' is no address of a node", "give https://…, or http:// on this machine");
    }

    /// <summary>Opens a key file.</summary>
    public static KeyFile OpenKey(FileInfo file, string? passphraseFile, int? passphraseFd)
    {
        using var passphrase = ReadPassphrase(passphraseFile, passphraseFd);
        return KeyFile.Load(file.FullName, passphrase);
    }

    /// <summary>Reads a passphrase; never from an argument, where every process of the machine could read it.</summary>
    public static SecretBytes ReadPassphrase(string? file, int? descriptor) => (file, descriptor) switch
    {
        ({ } path, null) => PassphraseSource.FromFile(path),
        (null, { } fd) => PassphraseSource.FromDescriptor(fd),
        _ => throw new CommandException("exactly one of --passphrase-file and --passphrase-fd says where the passphrase is", "write it into a file only you can read and name that"),
    };

    /// <summary>Finds an asset by address or symbol; without a name the only one there is.</summary>
    public static async Task<AssetInfo> FindAssetAsync(IAssetClient client, string? name, CancellationToken ct)
    {
        if (name is not null && Address.TryParse(name, out var address))
            return await client.AssetAsync(address, ct);
        var all = await client.AssetsAsync(ct);
        var found = name is null ? all : [.. all.Where(a => a.Symbol.Equals(name, StringComparison.OrdinalIgnoreCase))];
        return found.Count switch
        {
            1 => found[0],
            0 => throw new CommandException(name is null ? "this node knows no asset" : $"there is no asset '{name}'", "list them with 'trove asset list', or create one"),
            _ => throw new CommandException($"{found.Count} assets fit", $"name one by its address: {string.Join(", ", found.Select(a => $"{a.Symbol} {a.Asset}"))}"),
        };
    }

    /// <summary>A fresh random nonce.</summary>
    public static Hash32 Nonce() => new(System.Security.Cryptography.RandomNumberGenerator.GetBytes(32));

    /// <summary>A deadline one hour from now, in seconds.</summary>
    public static long Deadline() => DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeSeconds();

    /// <summary>Prints a document as JSON.</summary>
    public static void PrintJson(object value) => Console.Out.WriteLine(JsonSerializer.Serialize(value, value.GetType(), TroveJson.Indented));

    /// <summary>Text of strangers for a terminal: control characters, which can move the cursor or hide things, are shown as dots.</summary>
    public static string Safe(string text) => string.Concat(text.Select(c => char.IsControl(c) || c is '\u202e' or '\u2066' or '\u2067' or '\u2068' ? '·' : c));

    /// <summary>A role that runs until it is asked to stop: then it has done what it was for, and the exit code is 0.</summary>
    public static void SetServeAction(this Command command, Func<ParseResult, CancellationToken, Task> serve) => command.SetAction(async (r, ct) =>
    {
        try
        {
            await serve(r, ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // Asked before it was up.
        }
        return 0;
    });

    [DllImport("libc", EntryPoint = "_exit")]
    private static extern void ExitNow(int code);

    /// <summary>Runs the command line: 0 done, 1 refused or failed, 2 usage.</summary>
    public static async Task<int> RunAsync(RootCommand root, string[] args)
    {
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
                Console.Error.WriteLine($"trove: {error.Message}");
            Console.Error.WriteLine($"trove: see 'trove {string.Join(' ', args.TakeWhile(a => !a.StartsWith('-')).Take(2))} --help'");
            return 2;
        }
        using var stop = new CancellationTokenSource();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        // The first asks for an orderly end; a second ends at once, whatever hangs. Children die with us.
        void End(PosixSignalContext context)
        {
            context.Cancel = true;
            if (stop.IsCancellationRequested)
                ExitNow(128 + (context.Signal == PosixSignal.SIGINT ? 2 : 15));
            stop.Cancel();
        }
        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, stop.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            Console.Error.WriteLine("trove: stopped");
            return 1;
        }
        catch (Exception e)
        {
            var (message, next) = e switch
            {
                CommandException c => (c.Message, c.NextStep),
                TroveApiException a => (a.Message, a.NextStep),
                ExportException x => (x.Message, null),
                AgeException or DatabaseException or RpcException or IOException or UnauthorizedAccessException or FormatException => (e.Message, null),
                _ => (e.ToString(), (string?)"this is a defect of Trove: please report it with the lines above"),
            };
            if (parsed.GetValue(Json))
                PrintJson(new { error = message, nextStep = next });
            Console.Error.WriteLine($"trove: {message}{(next is null ? "" : $"\n       {next}")}");
            return 1;
        }
    }
}
