using System.CommandLine;
using System.Net.Http.Json;
using System.Reflection;
using Trove.Chain.Rpc;
using Trove.Node.Operations;
using Trove.Node.Protocol;

namespace Trove.Cli.Commands;

/// <summary>Looks at this machine and at a node, and says what to mend.</summary>
internal static class DoctorCommand
{
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(10);

    public static Command Create()
    {
        var (node, data) = (Shared.Node(), Shared.Data());
        data.Description = "Where a node keeps, or would keep, its data";
        var command = new Command("doctor", "Checks this machine and the node that runs on it, or the one that --node names: what is wrong and how to mend it. Ends with 1 when something fails.") { node, data };
        command.SetAction(async (r, ct) =>
        {
            var checks = await MachineChecks.RunAsync(Path.GetFullPath(r.GetValue(data)!), ct);
            checks.AddRange(await NodeAsync(r.GetValue(node), ct));
            bool ok = checks.All(c => c.Status != "fail");
            if (r.GetValue(Shared.Json))
                Shared.PrintJson(new { ok, checks });
            else
                foreach (var check in checks)
                {
                    Console.WriteLine($"{check.Status,-5} {check.Name,-14} {Shared.Safe(check.Found)}");
                    if (check.Status != "ok")
                        Console.WriteLine($"{"",-20} {Shared.Safe(check.NextStep ?? "")}");
                }
            return ok ? 0 : 1;
        });
        return command;
    }

    private static async Task<List<Check>> NodeAsync(string? named, CancellationToken ct)
    {
        TroveClient client;
        try
        {
            client = Shared.Client(named);
        }
        catch (CommandException e) when (named is null)
        {
            return [new Check("node", "warn", e.Message, e.NextStep)];
        }
        using (client)
        {
            var checks = new List<Check>();
            try
            {
                using var http = new HttpClient { BaseAddress = client.Node, Timeout = Wait, MaxResponseContentBufferSize = 1 << 20 };
                using var answer = await http.GetAsync("/health/ready", ct);
                checks.Add(Clock(answer.Headers.Date));
                var report = await answer.Content.ReadFromJsonAsync<HealthReport>(TroveJson.Options, ct) ?? throw new InvalidDataException("an empty report");
                checks.AddRange(report.Parts.Select(p => new Check(p.Part, !p.Ok ? "fail" : p.NextStep is null ? "ok" : "warn", p.Reason, p.NextStep)));
                if (report.Status == "stopping")
                    return checks;
                var info = await client.InfoAsync(ct);
                var own = Assembly.GetExecutingAssembly().GetName().Version!.ToString(3);
                checks.Add(info.Version == own
                    ? new Check("version", "ok", own)
                    : new Check("version", "warn", $"the node is {info.Version}, this program {own}", "use the same version, so that verifiers compute what the node proposes"));
                checks.AddRange(await ContractsAsync(client, info, ct));
            }
            catch (Exception e) when (e is HttpRequestException or TroveApiException or InvalidDataException or System.Text.Json.JsonException || (e is OperationCanceledException && !ct.IsCancellationRequested))
            {
                checks.Add(new Check("node", "fail", $"{client.Node} gives no answer: {(e is OperationCanceledException ? $"it takes more than {Wait.TotalSeconds:0} s" : e.Message)}", "start it with 'trove node', or name another with --node"));
            }
            return checks;
        }
    }

    private static Check Clock(DateTimeOffset? date)
    {
        if (date is not { } theirs)
            return new Check("node's clock", "warn", "the node tells no time", "look at the proxy in front of it");
        var apart = (DateTimeOffset.UtcNow - theirs).Duration();
        var found = $"{apart.TotalSeconds:0} s apart";
        return apart <= TimeSpan.FromSeconds(5) ? new Check("node's clock", "ok", found)
            : new Check("node's clock", apart <= TimeSpan.FromMinutes(1) ? "warn" : "fail", found, "set both clocks by NTP: signatures have deadlines");
    }

    private static async Task<List<Check>> ContractsAsync(TroveClient client, NodeInfo info, CancellationToken ct)
    {
        if (info.Rpc.Length == 0)
            return [new Check("contracts", "ok", $"chain {info.ChainId} is a network: look at {info.Factory} and {info.PaymentToken} in its explorer")];
        using var chain = new EthClient(new Uri(client.Node, info.Rpc));
        var checks = new List<Check>();
        try
        {
            ulong id = await chain.ChainIdAsync(ct);
            checks.Add(id == info.ChainId
                ? new Check("chain id", "ok", $"{id}, embedded: operator-trusted")
                : new Check("chain id", "fail", $"the chain says {id}, the node {info.ChainId}", "restart the node; if it stays, its data folder is mixed up: restore a backup"));
            foreach (var (name, address) in new[] { ("factory", info.Factory), ("payment token", info.PaymentToken) })
                checks.Add(await chain.GetCodeAsync(address, cancel: ct) is { Length: > 0 } code
                    ? new Check(name, "ok", $"{address}, {code.Length} bytes of code")
                    : new Check(name, "fail", $"{address} has no code", "restore the chain from a backup"));
        }
        catch (RpcException e)
        {
            checks.Add(new Check("chain id", "fail", e.Message, "look at the node's log"));
        }
        return checks;
    }
}
