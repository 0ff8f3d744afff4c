using System.Numerics;
using System.Text.Json.Nodes;
using Trove.Chain.Abi;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;

namespace Trove.Tests.Chain;

public class EthClientTests
{
    private static readonly Address Somebody = new(Enumerable.Repeat((byte)0x11, 20).ToArray());
    private static readonly ContractCall Call = new(Somebody, [1, 2, 3, 4]);

    [Fact]
    public async Task A_batch_longer_than_the_limit_is_split_and_answers_may_come_in_any_order()
    {
        int exchanges = 0;
        using var node = new FakeNode(body =>
        {
            exchanges++;
            var answers = JsonNode.Parse(body)!.AsArray().Select(r => new JsonObject { ["jsonrpc"] = "2.0", ["id"] = r!["id"]!.DeepClone(), ["result"] = r["params"]![0]!.DeepClone() });
            return new FakeReply(new JsonArray([.. answers.Reverse()]).ToJsonString());
        });
        using var client = node.Client();
        var results = await client.BatchAsync([.. Enumerable.Range(0, 250).Select(i => new RpcRequest("echo", i))]);
        Assert.Equal(Enumerable.Range(0, 250), results.Select(r => r.GetInt32()));
        Assert.Equal(3, exchanges);
    }

    [Theory]
    [InlineData("")]
    [InlineData("not json")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("7")]
    [InlineData("{}")]
    [InlineData("""{"jsonrpc":"2.0","id":ID}""")]
    [InlineData("""{"jsonrpc":"2.0","id":99999,"result":"0x1"}""")]
    [InlineData("""{"jsonrpc":"2.0","id":"ID","result":"0x1"}""")]
    [InlineData("""{"jsonrpc":"2.0","id":ID,"result":7}""")]
    [InlineData("""{"jsonrpc":"2.0","id":ID,"result":"1"}""")]
    [InlineData("""{"jsonrpc":"2.0","id":ID,"result":"0x"}""")]
    [InlineData("""{"jsonrpc":"2.0","id":ID,"result":"0xg"}""")]
    [InlineData("""{"jsonrpc":"2.0","id":ID,"result":"0x10000000000000000"}""")]
    [InlineData("""{"jsonrpc":"2.0","id":ID,"result":"\ud800"}""")]
    [InlineData("""{"jsonrpc":"2.0","id":ID,"result":"\udc00\ud800"}""")]
    [InlineData("""{"jsonrpc":"2.0","id":ID,"\ud800":1,"result":"0x1"}""")]
    [InlineData("""{"jsonrpc":"2.0","id":ID,"error":"no"}""")]
    [InlineData("""{"jsonrpc":"2.0","id":1e400,"result":"0x1"}""")]
    public async Task A_reply_that_cannot_be_true_is_named_so(string reply)
    {
        using var node = new FakeNode(body => new FakeReply(reply.Replace("ID", JsonNode.Parse(body)!["id"]!.ToJsonString(), StringComparison.Ordinal)));
        using var client = node.Client();
        var e = await Assert.ThrowsAsync<RpcException>(() => client.BlockNumberAsync());
        Assert.Equal(RpcFailure.BadReply, e.Failure);
        Assert.Contains("eth_blockNumber", e.Message);
    }

    [Fact]
    public async Task Replies_too_large_or_too_deep_or_not_unicode_are_refused()
    {
        FakeReply reply = new("[" + new string(' ', 200_000) + "]");
        using var node = new FakeNode(_ => reply);
        using var client = node.Client(maxResponseBytes: 100_000);
        Assert.Contains("100000 bytes", (await Assert.ThrowsAsync<RpcException>(() => client.ChainIdAsync())).Message);
        reply = new FakeReply(new string('[', 1000) + new string(']', 1000));
        Assert.Contains("deeper", (await Assert.ThrowsAsync<RpcException>(() => client.ChainIdAsync())).Message);
        reply = new FakeReply([.. "\"abc"u8, 0xFF, (byte)'"']);
        Assert.Contains("Unicode", (await Assert.ThrowsAsync<RpcException>(() => client.ChainIdAsync())).Message);
    }

    [Fact]
    public async Task No_answer_and_http_errors_are_unreachable()
    {
        var reply = new FakeReply("nope", 429);
        using var node = new FakeNode(_ => reply);
        using var client = node.Client(timeoutSeconds: 0.2);
        Assert.Equal(RpcFailure.Unreachable, (await Assert.ThrowsAsync<RpcException>(() => client.ChainIdAsync())).Failure);
        reply = new FakeReply([], Hang: true);
        Assert.Equal(RpcFailure.Unreachable, (await Assert.ThrowsAsync<RpcException>(() => client.ChainIdAsync())).Failure);
        node.Dispose();
        Assert.Equal(RpcFailure.Unreachable, (await Assert.ThrowsAsync<RpcException>(() => client.ChainIdAsync())).Failure);
    }

    [Fact]
    public async Task Messages_never_show_the_path_that_holds_an_api_key()
    {
        using var client = new EthClient(new Uri("http://127.0.0.1:1/v2/SECRETKEY"));
        var e = await Assert.ThrowsAsync<RpcException>(() => client.ChainIdAsync());
        Assert.DoesNotContain("SECRETKEY", e.ToString());
        Assert.DoesNotContain("SECRETKEY", Assert.Throws<ArgumentException>(() => new EthClient(new Uri("http://node.example/SECRETKEY"))).ToString());
    }

    [Theory]
    [InlineData("ftp://127.0.0.1/")]
    [InlineData("http://192.0.2.1/")]
    [InlineData("/relative")]
    public void Plain_text_connections_to_other_machines_are_refused(string url) =>
        Assert.Throws<ArgumentException>(() => new EthClient(new Uri(url, UriKind.RelativeOrAbsolute)));

    [Fact]
    public async Task A_revert_is_decoded_by_the_contracts_errors()
    {
        var known = KnownErrors.All.First(e => e.Inputs.Components.Count == 1 && e.Inputs.Components[0].Kind == AbiKind.Address);
        byte[] selector = [.. BitConverter.GetBytes(known.Selector).Reverse()];
        byte[]? data = AbiCodec.EncodeCall(selector, known.Inputs, [Somebody]);
        using var node = FakeNode.Of((_, _) => throw new FakeError(3, "execution reverted", data));
        using var client = node.Client();
        var e = await Assert.ThrowsAsync<RpcException>(() => client.CallAsync(Call));
        Assert.Equal((RpcFailure.Reverted, known.Name, (long?)3), (e.Failure, e.Revert!.Name, e.Code));
        Assert.Contains($"{known.Name}({Somebody})", e.Message);

        data = AbiCodec.EncodeCall(AbiCodec.Selector("Error(string)"), AbiType.Parse("(string)"), ["no\u001b[31m way " + new string('x', 5000)]);
        e = await Assert.ThrowsAsync<RpcException>(() => client.CallAsync(Call));
        Assert.Equal("Error", e.Revert!.Name);
        Assert.DoesNotContain('\u001b', e.Message);
        Assert.True(e.Message.Length < 500);

        data = [.. AbiCodec.Selector("Panic(uint256)"), .. new byte[31], 0x11];
        Assert.Equal(new BigInteger(0x11), (await Assert.ThrowsAsync<RpcException>(() => client.CallAsync(Call))).Revert!.Arguments[0]);
        data = [.. AbiCodec.Selector("Panic(uint256)"), 1];
        Assert.Equal("", (await Assert.ThrowsAsync<RpcException>(() => client.CallAsync(Call))).Revert!.Name);
        data = null;
        Assert.Equal(RpcFailure.Reverted, (await Assert.ThrowsAsync<RpcException>(() => client.CallAsync(Call))).Failure);
    }

    [Fact]
    public async Task A_node_that_answers_another_question_is_caught()
    {
        JsonNode? result = null;
        using var node = FakeNode.Of((_, _) => result?.DeepClone());
        using var client = node.Client();
        result = Keccak256.Hash("other"u8).ToString();
        await BadAsync(() => client.SendRawTransactionAsync([2, 1]));
        result = JsonNode.Parse("""{"number":"0x5","hash":"0x11","parentHash":"0x","timestamp":"0x1","gasLimit":"0x1","transactions":[]}""");
        await BadAsync(() => client.GetBlockAsync(BlockTag.At(5)));
        var hash = Keccak256.Hash("h"u8).ToString();
        result = JsonNode.Parse($$"""{"number":"0x6","hash":"{{hash}}","parentHash":"{{hash}}","timestamp":"0x1","gasLimit":"0x1","transactions":[]}""");
        await BadAsync(async () => await client.GetBlocksAsync([5]));
        await BadAsync(() => client.GetBlockAsync(BlockTag.At(Keccak256.Hash("x"u8))));
        Assert.Equal(6UL, (await client.GetBlockAsync(BlockTag.Latest))!.Number);
        result = JsonNode.Parse($$"""[{"address":"{{Somebody}}","topics":[],"data":"0x","blockNumber":"0x9","blockHash":"{{hash}}","transactionHash":"{{hash}}","logIndex":"0x0"}]""");
        await BadAsync(async () => await client.GetLogsAsync(new LogFilter([], []), 1, 8));
        await BadAsync(async () => await client.GetLogsAsync(new LogFilter([], [Keccak256.Hash("t"u8)]), 1, 9));
        Assert.Single(await client.GetLogsAsync(new LogFilter([Somebody], []), 1, 9));
        result = null;
        Assert.Null(await client.GetBlockAsync(BlockTag.At(5)));
        Assert.Null(await client.GetTransactionReceiptAsync(default));
        await BadAsync(() => client.GetBalanceAsync(Somebody));

        static async Task BadAsync(Func<Task> ask) => Assert.Equal(RpcFailure.BadReply, (await Assert.ThrowsAsync<RpcException>(ask)).Failure);
    }

    // Fuzz: whatever a node sends, it is a value or an RpcException.
    [Fact]
    public async Task Mutated_receipts_never_crash_the_client()
    {
        var hash = Keccak256.Hash("h"u8);
        var good = $$"""{"jsonrpc":"2.0","id":ID,"result":{"transactionHash":"{{hash}}","status":"0x1","blockNumber":"0x1","blockHash":"{{hash}}","gasUsed":"0x5208","effectiveGasPrice":"0x7","contractAddress":null,"logs":[{"address":"{{Somebody}}","topics":["{{hash}}"],"data":"0x00","blockNumber":"0x1","blockHash":"{{hash}}","transactionHash":"{{hash}}","logIndex":"0x0"}]} }""";
        var random = new Random(3);
        var mutate = false;
        using var node = new FakeNode(body =>
        {
            var bytes = System.Text.Encoding.UTF8.GetBytes(good.Replace("ID", JsonNode.Parse(body)!["id"]!.ToJsonString(), StringComparison.Ordinal));
            for (int i = 0; mutate && i < 1 + random.Next(3); i++)
                bytes[random.Next(bytes.Length)] = random.Next(3) == 0 ? (byte)"\"\\{}[],:u0"[random.Next(10)] : (byte)random.Next(256);
            return new FakeReply(bytes);
        });
        using var client = node.Client();
        Assert.True((await client.GetTransactionReceiptAsync(hash))!.Success);
        mutate = true;
        int refused = 0;
        for (int i = 0; i < 600; i++)
        {
            try
            {
                await client.GetTransactionReceiptAsync(hash);
            }
            catch (RpcException)
            {
                refused++;
            }
        }
        Assert.True(refused > 300, $"{refused} of 600 refused");
    }
}
