using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Trove.Chain.Embedded;
using Trove.Core;

namespace Trove.Tests.Chain;

public class EthProxyTests
{
    private readonly List<string> _asked = [];
    private readonly List<byte[]> _sent = [];
    private readonly EthProxy _proxy;

    public EthProxyTests() => _proxy = new EthProxy(
        (method, _, _) =>
        {
            _asked.Add(method);
            return Task.FromResult(JsonDocument.Parse("\"0x2a\"").RootElement);
        },
        (raw, _) =>
        {
            _sent.Add(raw);
            return Task.FromResult(new SubmitResult(null, raw.Length == 2 ? null : "nonce too low"));
        });

    [Theory]
    [InlineData("anvil_setBalance")]
    [InlineData("evm_mine")]
    [InlineData("evm_setNextBlockTimestamp")]
    [InlineData("hardhat_impersonateAccount")]
    [InlineData("debug_traceTransaction")]
    [InlineData("eth_sendTransaction")]
    [InlineData("eth_sign")]
    [InlineData("eth_subscribe")]
    [InlineData("ETH_CALL")]
    [InlineData("txpool_content")]
    public async Task Methods_that_are_not_listed_never_reach_the_node(string method)
    {
        Assert.Equal(-32601, Code(await AskAsync($$"""{"jsonrpc":"2.0","id":1,"method":"{{method}}","params":[]}""")));
        Assert.Empty(_asked);
    }

    [Fact]
    public async Task State_overrides_are_refused()
    {
        Assert.Equal(-32602, Code(await AskAsync("""{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{},"latest",{}]}""")));
        Assert.Equal(-32602, Code(await AskAsync("""{"jsonrpc":"2.0","id":1,"method":"eth_call","params":{"a":1}}""")));
        Assert.Empty(_asked);
    }

    [Fact]
    public async Task Transactions_go_to_the_producer_only()
    {
        var reply = await AskAsync("""{"jsonrpc":"2.0","id":"x","method":"eth_sendRawTransaction","params":["0x0201"]}""");
        Assert.Equal(Keccak256.Hash([2, 1]).ToString(), reply["result"]!.GetValue<string>());
        Assert.Equal("x", reply["id"]!.GetValue<string>());
        Assert.Equal("nonce too low", (await AskAsync("""{"jsonrpc":"2.0","id":1,"method":"eth_sendRawTransaction","params":["0x02"]}"""))["error"]!["message"]!.GetValue<string>());
        foreach (var bad in new[] { "[]", "[7]", "[\"02\"]", "[\"0x0\"]", "[\"0xzz\"]", "[[]]", "[null]" })
            Assert.Equal(-32602, Code(await AskAsync($$"""{"jsonrpc":"2.0","id":1,"method":"eth_sendRawTransaction","params":{{bad}}}""")));
        Assert.Equal(2, _sent.Count);
        Assert.Empty(_asked);
    }

    [Fact]
    public async Task A_batch_is_answered_one_by_one_and_bounded()
    {
        var one = """{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}""";
        var answers = JsonNode.Parse(await _proxy.HandleAsync(Encoding.UTF8.GetBytes($"[{one},7,{one}]")))!.AsArray();
        Assert.Equal("0x2a", answers[0]!["result"]!.GetValue<string>());
        Assert.Equal(-32600, Code(answers[1]!.AsObject()));
        Assert.Equal(-32600, Code(await AskAsync("[" + string.Join(',', Enumerable.Repeat(one, EthProxy.MaxBatch + 1)) + "]")));
        Assert.Equal(-32600, Code(await AskAsync("[]")));
        Assert.Equal(-32600, Code(await AskAsync(new string(' ', EthProxy.MaxRequestBytes + 1))));
    }

    [Fact]
    public async Task Any_bytes_get_a_reply()
    {
        var random = new Random(4);
        var good = Encoding.UTF8.GetBytes("""[{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{"to":"0x11"},"latest"]}]""");
        for (int i = 0; i < 2000; i++)
        {
            var bytes = good.ToArray();
            for (int n = 1 + random.Next(3); n > 0; n--)
                bytes[random.Next(bytes.Length)] = random.Next(3) == 0 ? (byte)"\"\\{}[],:u"[random.Next(9)] : (byte)random.Next(256);
            Assert.NotNull(JsonNode.Parse(await _proxy.HandleAsync(bytes)));
        }
        foreach (var text in new[] { "", "null", "{\"id\":1,\"id\":2,\"method\":\"eth_chainId\"}", "{\"method\":\"\\ud800\"}", "{\"method\":{}}", new string('[', 500) })
            Assert.NotEqual(0, Code(await AskAsync(text)));
    }

    private async Task<JsonObject> AskAsync(string body) => JsonNode.Parse(await _proxy.HandleAsync(Encoding.UTF8.GetBytes(body)))!.AsObject();

    private static int Code(JsonObject reply) => reply["error"]?["code"]?.GetValue<int>() ?? 0;
}
