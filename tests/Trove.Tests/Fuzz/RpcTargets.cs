using System.Net;
using System.Text;
using System.Text.Json;
using Trove.Chain.Abi;
using Trove.Chain.Events;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Node.Assets;
using Trove.Node.Chain;
using Trove.Node.Protocol;
using Trove.Node.Requests;
using static Trove.Tests.Fuzz.FuzzCheckException;
using static Trove.Tests.Fuzz.FuzzTarget;

namespace Trove.Tests.Fuzz;

/// <summary>A chain that lies: answers of every method that is asked, to the client and to what follows events and contracts with it.</summary>
internal static class RpcTargets
{
    private const string H = "0x1111111111111111111111111111111111111111111111111111111111111111", G = "0x2222222222222222222222222222222222222222222222222222222222222222";
    private const string A = "0x3333333333333333333333333333333333333333";
    private const int MostRequests = 60;

    private const string Log1 = $$"""{"address":"{{A}}","topics":["{{H}}"],"data":"0x0102","blockNumber":"0x5","blockHash":"{{H}}","transactionHash":"{{G}}","logIndex":"0x0","removed":false}""";
    private const string Block5 = $$"""{"number":"0x5","hash":"{{H}}","parentHash":"{{G}}","timestamp":"0x64","gasLimit":"0x1c9c380","baseFeePerGas":"0x7","transactions":["{{G}}"]}""";
    private const string Block6 = $$"""{"number":"0x6","hash":"{{G}}","parentHash":"{{H}}","timestamp":"0x65","gasLimit":"0x1c9c380","baseFeePerGas":"0x7","transactions":[]}""";
    private const string Receipt1 = $$"""{"transactionHash":"{{G}}","status":"0x1","blockNumber":"0x5","blockHash":"{{H}}","logs":[{{Log1}}],"gasUsed":"0x5208","effectiveGasPrice":"0x9","contractAddress":null}""";

    private static readonly Hash32 HashH = Hash32.Parse(H), HashG = Hash32.Parse(G);
    private static readonly Address AddressA = Address.Parse(A);
    private static readonly LogFilter Filter = new([AddressA], [HashH]);

    public static readonly AssetRow Asset = new(AddressA, AddressA, Fill(1), Fill(2), "Name", "SYM", AddressA, HashH, HashH, null, [], [], 1, 1, Fill(3), Fill(4), Fill(5), Fill(6), new CustodyInfo([], [], [], 1, [], 1), GovernanceInfo.Default, CharterInfo.Default, default);

    public static IEnumerable<FuzzTarget> All() =>
    [
        Method("rpc-number", "EthClient.BlockNumberAsync", c => c.BlockNumberAsync(), o => o is > (ulong)uint.MaxValue and < ulong.MaxValue, One("\"0x10\"")),
        Method("rpc-balance", "EthClient.GetBalanceAsync", c => c.GetBalanceAsync(default), o => o is UInt128 u && u > ulong.MaxValue, One("\"0x10\"")),
        Method("rpc-block", "EthClient.GetBlockAsync", c => c.GetBlockAsync(BlockTag.At(5)), o => o is Block { Transactions.Count: > 1 }, One(Block5), One("null")),
        Method("rpc-blocks", "EthClient.GetBlocksAsync", c => c.GetBlocksAsync([5, 6]), o => o is IReadOnlyList<Block?> and [not null, null], $"[{One(Block5)},{One(Block6).Replace("\"id\":1", "\"id\":2", StringComparison.Ordinal)}]"),
        Method("rpc-logs", "EthClient.GetLogsAsync", c => c.GetLogsAsync(Filter, 1, 9), o => o is IReadOnlyList<Log> { Count: > 1 }, One($"[{Log1}]"), One("[]")),
        Method("rpc-receipt", "EthClient.GetTransactionReceiptAsync", c => c.GetTransactionReceiptAsync(HashG), o => o is Receipt { ContractAddress: not null }, One(Receipt1), One("null")),
        Method("rpc-fees", "EthClient.SuggestFeesAsync", c => c.SuggestFeesAsync(), o => o is FeeSuggestion f && f.BaseFee > 100, """[{"jsonrpc":"2.0","id":1,"result":{"baseFeePerGas":["0x7","0x8"]}},{"jsonrpc":"2.0","id":2,"result":"0x3b9aca00"}]"""),
        Method("rpc-call", "EthClient.CallAsync", c => c.CallAsync(new ContractCall(default, [])), o => o is RpcException { Failure: RpcFailure.Reverted, Code: 3, Revert.Name: "" }, One("\"0x0102\""),
            """{"jsonrpc":"2.0","id":1,"error":{"code":3,"message":"execution reverted: no","data":"0x08c379a0000000000000000000000000000000000000000000000000000000000000002000000000000000000000000000000000000000000000000000000000000000026e6f000000000000000000000000000000000000000000000000000000000000"}}""",
            """{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse","data":{"data":"0x4e487b72"}}}""") with
            { Tokens = Text("\"data\":\"0x4e487b710000000000000000000000000000000000000000000000000000000000000011\"", "4e487b71", "0000000000000000000000000000000000000000000000000000000000000011\"") },
        Method("rpc-send", "EthClient.SendRawTransactionAsync", c => c.SendRawTransactionAsync([1, 2]), o => o is RpcException { Code: > 5 }, One($"\"{Keccak256.Hash([1, 2])}\""), """{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"nonce too low"}}"""),
        new("follower", ["EventFollower.NextAsync"], Text($$"""{"eth_blockNumber":"0x6","eth_getBlockByNumber":[{{Block5}},{{Block6}}],"eth_getLogs":[{{Log1}}]}"""), Follow, o => o is EventBatch { Logs.Count: 0, Cursor.Recent.Count: > 1 },
            typeof(RpcException), typeof(ReorganisationTooDeepException)) { Json = true, Cost = 8, Memory = 8 << 20, MaxInput = 1 << 13 },
        new("asset-view", ["AssetView.ReadAsync", "ContractView.CallAsync"], Text($$"""{"eth_call":"0x{{new string('0', 24)}}{{A[2..]}}"}"""), View, o => o is RpcException { Failure: RpcFailure.BadReply } e && e.Message.Contains("ABI", StringComparison.Ordinal),
            typeof(RpcException), typeof(InvalidDataException)) { Json = true, Cost = 6, Memory = 4 << 20 },
        new("chain-event", ["ChainReader.Read", "GrantEvents.Read", "ProposedAction.Read", "FailureCode.Read"], ChainTargets.Logs, ReadEvent, o => o is ChainEvent { Name: "ProposalCreated", Data.Version: (uint)ActionKind.Unreadable } e && e.Data.Text!.StartsWith('('), typeof(AbiException))
            { Record = 32, MemoryPerByte = 4096 },
    ];

    private static FuzzTarget Method<T>(string name, string covers, Func<EthClient, Task<T>> call, Func<object, bool> bug, params string[] seeds) =>
        new(name, [covers, "RpcReader"], Text(seeds), input =>
        {
            using var client = Client((_, _) => input);
            return Targets.Wait(call(client));
        }, bug, typeof(RpcException)) { Json = true, Cost = 2, Memory = 4 << 20, Tokens = Text("0x", "\"id\":2", "\"id\":1,\"id\":1", "\"error\":null,") };

    // The document has what each method is answered with; of the blocks, each request gets the next one.
    private static object? Follow(byte[] input)
    {
        JsonDocument answers;
        try
        {
            answers = JsonDocument.Parse(Encoding.UTF8.GetString(input), new JsonDocumentOptions { MaxDepth = 30 });
        }
        catch (JsonException)
        {
            return null;
        }
        using (answers)
        {
            int block = 0;
            using var client = Client((method, id) =>
            {
                string result = "null";
                if (answers.RootElement.ValueKind == JsonValueKind.Object && answers.RootElement.TryGetProperty(method, out var answer))
                    result = method == "eth_getBlockByNumber" && answer.ValueKind == JsonValueKind.Array && answer.GetArrayLength() > 0 ? Pick(answer, id, ref block) : answer.GetRawText();
                return Encoding.UTF8.GetBytes($$"""{"jsonrpc":"2.0","id":{{id}},"result":{{result}}}""");
            });
            return Targets.Wait(new EventFollower(client).NextAsync(FollowerCursor.StartAt(5), Filter));
        }
    }

    // First the end of the range, later the blocks one by one, over and over.
    private static string Pick(JsonElement blocks, long id, ref int next) => blocks[id == 2 ? blocks.GetArrayLength() - 1 : next++ % blocks.GetArrayLength()].GetRawText();

    private static object View(byte[] input)
    {
        using var client = Client((_, id) =>
        {
            var text = Targets.Text(input);
            int at = text.IndexOf(':', StringComparison.Ordinal);
            return Encoding.UTF8.GetBytes($$"""{"jsonrpc":"2.0","id":{{id}},"result"{{(at < 0 ? "" : text[at..])}}""");
        });
        return Targets.Wait(AssetView.ReadAsync(client, AddressA, default));
    }

    // As it would come from each of the asset's contracts.
    private static object? ReadEvent(byte[] input)
    {
        if (ChainTargets.ReadLog(input) is not { } log)
            return null;
        ChainEvent? found = null;
        foreach (var contract in new[] { Asset.Asset, Asset.Ledger, Asset.Grants, Asset.Governor })
            found ??= ChainReader.Read(log with { Address = contract }, 5, Asset);
        return found;
    }

    private static EthClient Client(Func<string, long, byte[]> answer) => new(new Uri("http://127.0.0.1:1/"), null, new Lying(answer));

    private static string One(string result) => $$"""{"jsonrpc":"2.0","id":1,"result":{{result}}}""";

    private static Address Fill(byte value) => new([.. Enumerable.Repeat(value, 20)]);

    private sealed class Lying(Func<string, long, byte[]> answer) : HttpMessageHandler
    {
        private int _requests;

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancel)
        {
            Require(++_requests <= MostRequests, $"more than {MostRequests} requests: it goes round in circles");
            using var asked = JsonDocument.Parse(await request.Content!.ReadAsByteArrayAsync(cancel));
            var root = asked.RootElement;
            byte[] body = root.ValueKind == JsonValueKind.Object ? One(root)
                : answer("batch", 0) is { } whole && !whole.AsSpan().EndsWith(":null}"u8) ? whole
                : [(byte)'[', .. root.EnumerateArray().SelectMany((r, i) => (byte[])[.. i > 0 ? ","u8 : ""u8, .. One(r)]), (byte)']'];
            return new HttpResponseMessage(HttpStatusCode.OK) { Content = new ByteArrayContent(body) };
        }

        private byte[] One(JsonElement request) => answer(request.GetProperty("method").GetString()!, request.GetProperty("id").GetInt64());
    }
}
