using System.Text;
using Trove.Chain.Rpc;
using Trove.Core;

namespace Trove.Tests.Chain.Rpc;

public sealed class EthClientTests
{
    private const string Hash = "0x1111111111111111111111111111111111111111111111111111111111111111";
    private const string Other = "0x2222222222222222222222222222222222222222222222222222222222222222";
    private const string Account = "0x00000000000000000000000000000000000000aa";

    [Theory]
    [InlineData("AnswerToAnotherRequest", """{"jsonrpc":"2.0","id":999999,"result":"0x1"}""")]
    [InlineData("NoId", """{"jsonrpc":"2.0","result":"0x1"}""")]
    [InlineData("IdAsText", """{"jsonrpc":"2.0","id":"ID","result":"0x1"}""")]
    [InlineData("NeitherResultNorError", """{"jsonrpc":"2.0","id":ID}""")]
    [InlineData("ResultIsNull", """{"jsonrpc":"2.0","id":ID,"result":null}""")]
    [InlineData("ResultIsANumber", """{"jsonrpc":"2.0","id":ID,"result":1}""")]
    [InlineData("QuantityWithoutPrefix", """{"jsonrpc":"2.0","id":ID,"result":"1"}""")]
    [InlineData("QuantityWithoutDigits", """{"jsonrpc":"2.0","id":ID,"result":"0x"}""")]
    [InlineData("QuantityOfOtherLetters", """{"jsonrpc":"2.0","id":ID,"result":"0xg"}""")]
    [InlineData("QuantityWithASign", """{"jsonrpc":"2.0","id":ID,"result":"0x-1"}""")]
    [InlineData("QuantityBeyond64Bits", """{"jsonrpc":"2.0","id":ID,"result":"0x10000000000000000"}""")]
    [InlineData("ErrorIsText", """{"jsonrpc":"2.0","id":ID,"error":"no"}""")]
    [InlineData("ABatch", """[{"jsonrpc":"2.0","id":ID,"result":"0x1"}]""")]
    [InlineData("HalfASurrogatePair", """{"jsonrpc":"2.0","id":ID,"result":"\ud800"}""")]
    [InlineData("NoJson", "<html>504 Gateway Time-out</html>")]
    [InlineData("Nothing", "")]
    [InlineData("CutShort", """{"jsonrpc":"2.0","id":ID,"resu""")]
    public async Task ABadAnswerIsSaidToBeOne(string malformation, string body)
    {
        await using var node = new FakeNode(request => body.Replace("ID", request.GetProperty("id").ToString(), StringComparison.Ordinal));
        await FailsAsync(node, RpcFailure.BadReply, malformation);
    }

    [Fact]
    public async Task DeepJsonIsRefusedBeforeItCanExhaustTheStack()
    {
        var deep = new string('[', 100_000) + new string(']', 100_000);
        await using var node = new FakeNode(request => FakeNode.Result(request, deep));
        await FailsAsync(node, RpcFailure.BadReply, nameof(deep));
    }

    [Fact]
    public async Task AnAnswerWithoutEndIsCutOffAtTheLimit()
    {
        long sent = 0;
        await using var node = new FakeNode(async (_, stream, ct) =>
        {
            await stream.WriteAsync("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"u8.ToArray(), ct);
            var spaces = Encoding.ASCII.GetBytes(new string(' ', 1024 * 1024));
            for (; ; sent += spaces.Length) // until the client hangs up
                await stream.WriteAsync(spaces, ct);
        });
        await FailsAsync(node, RpcFailure.BadReply, "endless", new EthClientLimits { MaxResponseBytes = 2 * 1024 * 1024 });
        Assert.InRange(sent, 0, 64L * 1024 * 1024); // what the sockets' buffers may hold beyond the limit, not a disk full
    }

    [Fact]
    public async Task AnAnswerThatNeverComesTimesOut()
    {
        await using var node = new FakeNode(async (_, stream, ct) =>
        {
            // Headers at once, the body never: a time-out that ended with the headers would wait for ever.
            await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"u8.ToArray(), ct);
            await Task.Delay(Timeout.Infinite, ct);
        });
        await FailsAsync(node, RpcFailure.Unreachable, "silent", new EthClientLimits { Timeout = TimeSpan.FromMilliseconds(300) });
    }

    [Fact]
    public async Task AConnectionThatBreaksOffIsUnreachable()
    {
        await using var node = new FakeNode((_, stream, ct) => stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n{"u8.ToArray(), ct).AsTask());
        await FailsAsync(node, RpcFailure.Unreachable, "broken off");
    }

    [Theory]
    [InlineData(404)]
    [InlineData(429)]
    [InlineData(503)]
    public async Task AnHttpErrorIsUnreachable(int status)
    {
        await using var node = new FakeNode(_ => "slow down", status);
        await FailsAsync(node, RpcFailure.Unreachable, "HTTP");
    }

    [Fact]
    public async Task RedirectsAreNotFollowed()
    {
        await using var target = new FakeNode(request => FakeNode.Result(request, "\"0x1\""));
        await using var node = new FakeNode((_, stream, ct) =>
            stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 307 X\r\nLocation: {target.Url}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), ct).AsTask());
        await FailsAsync(node, RpcFailure.Unreachable, "redirect");
    }

    [Fact]
    public async Task ARefusalCarriesItsCodeAndARevertItsData()
    {
        await using var node = new FakeNode(request => request.GetProperty("method").GetString() == "eth_call"
            ? $$$"""{"jsonrpc":"2.0","id":{{{request.GetProperty("id")}}},"error":{"code":3,"message":"execution reverted","data":"0xdeadbeef"}}"""
            : """{"jsonrpc":"2.0","id":null,"error":{"code":-32601,"message":"no such \u001b[31mmethod"}}""");
        using var client = new EthClient(node.Url);
        var reverted = await Assert.ThrowsAsync<RpcException>(() => client.CallAsync(new ContractCall(Address.Parse(Account), [])));
        Assert.Equal((RpcFailure.Reverted, 3L), (reverted.Failure, reverted.Code!.Value));
        Assert.Equal([0xde, 0xad, 0xbe, 0xef], reverted.Revert!.Data);
        var refused = await Assert.ThrowsAsync<RpcException>(() => client.ChainIdAsync());
        Assert.Equal((RpcFailure.Refused, -32601L), (refused.Failure, refused.Code!.Value));
        Assert.DoesNotContain(refused.Message, char.IsControl); // a node must not write to our terminal
    }

    [Fact]
    public async Task ABatchMayBeAnsweredInAnyOrder()
    {
        await using var node = new FakeNode(batch => "[" + string.Join(',', batch.EnumerateArray().Reverse().Select(r => FakeNode.Result(r, $"\"{r.GetProperty("params")[0]}\""))) + "]");
        using var client = new EthClient(node.Url);
        var results = await client.BatchAsync([.. Enumerable.Range(0, 50).Select(i => new RpcRequest("echo", $"n{i}"))]);
        Assert.Equal(Enumerable.Range(0, 50).Select(i => $"n{i}"), results.Select(r => r.GetString()));
    }

    [Theory]
    [InlineData("one missing", 0)]
    [InlineData("one twice", 1)]
    [InlineData("one of another batch", 2)]
    [InlineData("no list", 3)]
    public async Task ABatchThatIsNotAnsweredOneByOneIsABadAnswer(string malformation, int kind)
    {
        await using var node = new FakeNode(batch =>
        {
            var answers = batch.EnumerateArray().Select(r => FakeNode.Result(r, "\"0x1\"")).ToArray();
            return kind switch
            {
                0 => $"[{answers[0]}]",
                1 => $"[{answers[0]},{answers[0]}]",
                2 => $$"""[{{answers[0]}},{"jsonrpc":"2.0","id":1000000,"result":"0x1"}]""",
                _ => "7",
            };
        });
        using var client = new EthClient(node.Url);
        var error = await Assert.ThrowsAsync<RpcException>(() => client.BatchAsync([new("a"), new("b")]));
        Assert.True(error.Failure == RpcFailure.BadReply, malformation);
    }

    [Fact]
    public async Task AnswersToAnotherQuestionAreRefused()
    {
        static string Block(string hash, string number) =>
            $$"""{"number":"{{number}}","hash":"{{hash}}","parentHash":"{{Other}}","timestamp":"0x1","gasLimit":"0x1","baseFeePerGas":"0x7","transactions":[]}""";
        static string Log(string address, string block) =>
            $$"""{"address":"{{address}}","topics":["{{Hash}}"],"data":"0x","blockNumber":"{{block}}","blockHash":"{{Hash}}","transactionHash":"{{Hash}}","logIndex":"0x0","removed":false}""";
        static string Receipt(string hash) => $$"""{"transactionHash":"{{hash}}","status":"0x1","blockNumber":"0x5","blockHash":"{{Hash}}","gasUsed":"0x1","logs":[]}""";

        var answer = "";
        await using var node = new FakeNode(request => FakeNode.Result(request, answer));
        using var client = new EthClient(node.Url);
        var filter = new LogFilter([Address.Parse(Account)], [Hash32.Parse(Hash)]);
        async Task RefusedAsync(string result, Func<Task> ask)
        {
            answer = result;
            Assert.Equal(RpcFailure.BadReply, (await Assert.ThrowsAsync<RpcException>(ask)).Failure);
        }

        await RefusedAsync(Block(Other, "0x5"), () => client.GetBlockAsync(BlockTag.At(Hash32.Parse(Hash))));
        await RefusedAsync(Log(Account, "0xb"), () => client.GetLogsAsync(filter, 1, 10));
        await RefusedAsync(Log("0x00000000000000000000000000000000000000bb", "0x5"), () => client.GetLogsAsync(filter, 1, 10));
        await RefusedAsync(Receipt(Other), () => client.GetTransactionReceiptAsync(Hash32.Parse(Hash)));
        await RefusedAsync($"\"{Hash}\"", () => client.SendRawTransactionAsync([1, 2, 3]));

        answer = Block(Hash, "0x5");
        var block = await client.GetBlockAsync(BlockTag.At(Hash32.Parse(Hash)));
        Assert.Equal((5UL, 1UL, (UInt128)7), (block!.Number, block.Timestamp, block.BaseFeePerGas));
        answer = $"[{Log(Account, "0x5")}]";
        Assert.Single(await client.GetLogsAsync(filter, 1, 10));
        answer = Receipt(Hash);
        Assert.True((await client.GetTransactionReceiptAsync(Hash32.Parse(Hash)))!.Success);
        answer = "null";
        Assert.Null(await client.GetBlockAsync(BlockTag.At(9)));
        Assert.Null(await client.GetTransactionReceiptAsync(Hash32.Parse(Hash)));
    }

    [Theory]
    [InlineData("http://example.org/")]
    [InlineData("ftp://127.0.0.1/")]
    [InlineData("/relative")]
    public void OnlyHttpsOrThisMachine(string url) =>
        Assert.Throws<ArgumentException>(() => new EthClient(new Uri(url, UriKind.RelativeOrAbsolute)).Dispose());

    private static async Task FailsAsync(FakeNode node, RpcFailure failure, string what, EthClientLimits? limits = null)
    {
        using var client = new EthClient(node.Url, limits);
        var error = await Assert.ThrowsAsync<RpcException>(() => client.ChainIdAsync());
        Assert.True(error.Failure == failure, $"{what}: {error.Message}");
        Assert.Contains("eth_chainId", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret-access-key", error.ToString(), StringComparison.Ordinal);
    }
}
