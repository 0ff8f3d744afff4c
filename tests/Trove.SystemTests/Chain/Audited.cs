using System.Text;
using System.Text.Json.Nodes;
using Trove.Chain.Replay;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Node.Protocol;

namespace Trove.SystemTests.Chain;

/// <summary>Whatever a story did to an asset: its events alone tell its whole state.</summary>
internal static class Audited
{
    /// <summary>Makes the asset's state of its events and compares it with the contracts.</summary>
    public static async Task<AuditResult> RunAsync(EthClient chain, NodeInfo info, Address asset, CancellationToken ct = default) =>
        await AssetAudit.CompareAsync(chain, await AssetReplay.ReadAsync(chain, info.Factory, asset, cancel: ct), cancel: ct);

    /// <summary>Fails when something differs.</summary>
    public static async Task HoldsAsync(EthClient chain, NodeInfo info, Address asset)
    {
        var result = await RunAsync(chain, info, asset);
        Assert.True(result.Differences.Count == 0, string.Join('\n', result.Differences));
        Assert.InRange(result.Compared, 40, int.MaxValue);
    }

    /// <summary>A chain whose node leaves the last event of a kind out, or tells another number in it.</summary>
    public static EthClient Lying(Uri rpc, Hash32 signature, bool leaveOut) => new(rpc, handler: new Liar(signature, leaveOut));

    private sealed class Liar(Hash32 signature, bool leaveOut) : DelegatingHandler(new SocketsHttpHandler())
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            bool logs = (await request.Content!.ReadAsStringAsync(cancellationToken)).Contains("eth_getLogs", StringComparison.Ordinal);
            var response = await base.SendAsync(request, cancellationToken);
            if (!logs)
                return response;
            var json = JsonNode.Parse(await response.Content.ReadAsStringAsync(cancellationToken))!;
            if (json["result"] is JsonArray all && all.LastOrDefault(l => (string)l!["topics"]![0]! == signature.ToString()) is { } last)
            {
                var data = (string)last["data"]!;
                if (leaveOut)
                    all.Remove(last);
                else
                    last["data"] = data[..^1] + (data[^1] == '0' ? '1' : '0');
            }
            response.Content = new StringContent(json.ToJsonString(), Encoding.UTF8, "application/json");
            return response;
        }
    }
}
