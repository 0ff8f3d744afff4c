using System.Text;
using System.Text.Json;
using Trove.Chain.Embedded;
using Trove.Core;

namespace Trove.SystemTests.Embedded;

public sealed class EthProxyTests(ProxyFixture fixture) : IClassFixture<ProxyFixture>
{
    [Fact]
    public async Task ReadsAndTransactionsPassAndCheatsDoNot()
    {
        using var testing = new ChainTesting();
        await using var chain = await testing.StartAsync();
        using var proxy = new EthProxy(chain);
        async Task<JsonElement> AskAsync(string body) => JsonDocument.Parse(await proxy.HandleAsync(Encoding.UTF8.GetBytes(body))).RootElement;
        async Task<JsonElement> CallAsync(string method, string parameters = "[]") =>
            await AskAsync($$"""{"jsonrpc":"2.0","id":"a","method":"{{method}}","params":{{parameters}}}""");
        static long Code(JsonElement answer) => answer.GetProperty("error").GetProperty("code").GetInt64();

        var id = await CallAsync("eth_chainId");
        Assert.Equal("a", id.GetProperty("id").GetString());
        Assert.Equal($"0x{chain.ChainId:x}", id.GetProperty("result").GetString());

        var raw = Hex.Encode(testing.Transfer(chain, 5));
        var hash = (await CallAsync("eth_sendRawTransaction", $"[\"{raw}\"]")).GetProperty("result").GetString();
        Assert.True((await chain.Client.GetTransactionReceiptAsync(Hash32.Parse(hash!)))!.Success);

        foreach (var method in new[]
        {
            "anvil_setBalance", "anvil_dumpState", "anvil_reset", "evm_mine", "evm_setNextBlockTimestamp", "evm_snapshot", "hardhat_setCode", "debug_traceCall",
            "trace_block", "txpool_content", "eth_sendTransaction", "eth_accounts", "eth_sign", "eth_newFilter", "eth_sendUnsignedTransaction", "Eth_chainId", "eth_chainId ", "",
        })
            Assert.Equal(-32601, Code(await CallAsync(method)));

        // anvil's own error, with the data of the revert: 0xfe is an invalid opcode, 60006000fd reverts with nothing
        var reverted = await CallAsync("eth_call", """[{"data":"0x7f08c379a00000000000000000000000000000000000000000000000000000000060005260206000fd"},"latest"]""");
        Assert.Equal(3, Code(reverted));
        Assert.StartsWith("0x08c379a0", reverted.GetProperty("error").GetProperty("data").GetString(), StringComparison.Ordinal);
        Assert.Contains("nonce too low", (await CallAsync("eth_sendRawTransaction", $"[\"{Hex.Encode(testing.Transfer(chain.ChainId, 0, 77))}\"]"))
            .GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
        foreach (var parameters in new[] { "[]", "[1]", "[\"0x\"]", "[\"zz\"]", "[\"0x01\",2]", "[null]" })
            Assert.Equal(-32602, Code(await CallAsync("eth_sendRawTransaction", parameters)));

        // An endless loop: bounded by the gas of a block, never by what the caller says.
        foreach (var parameters in new[]
        {
            """[{"data":"0x5b600056","gas":"0x1000000000000"},"latest"]""", """[{"data":"0x5b600056","gas":"0x1","gas":"0x1000000000000"},"latest"]""",
            """[{"data":"0x5b600056","gas":"0x1000000000000","gas":"0x1"},"latest"]""", """[{"data":"0x5b600056","Gas":281474976710656},"latest"]""",
            """[{"data":"0x5b600056"},"latest",{},{"gasLimit":"0x1000000000000"}]""", "[]", "[7]",
        })
        {
            Assert.Equal(-32602, Code(await CallAsync("eth_call", parameters)));
            Assert.Equal(-32602, Code(await CallAsync("eth_estimateGas", parameters)));
        }
        Assert.Contains("OutOfGas", (await CallAsync("eth_call", """[{"data":"0x5b600056"},"latest"]""")).ToString(), StringComparison.Ordinal);
        Assert.Contains("OutOfGas", (await CallAsync("eth_call", """[{"data":"0x5b600056","gas":"0x1c9c380"},"latest"]""")).ToString(), StringComparison.Ordinal);
        Assert.Equal(-32602, Code(await CallAsync("eth_feeHistory", "[\"0x400\",\"latest\",[" + string.Join(',', Enumerable.Repeat("1", 101)) + "]]")));

        var batch = await AskAsync("""[{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber"},{"jsonrpc":"2.0","id":2,"method":"anvil_mine","params":[]},7]""");
        Assert.Equal(["0x1", null, null], batch.EnumerateArray().Select(a => a.TryGetProperty("result", out var r) ? r.GetString() : null));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("7")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"jsonrpc":"2.0","method":"eth_chainId"}""")]
    [InlineData("""{"jsonrpc":"2.0","id":{},"method":"eth_chainId"}""")]
    [InlineData("""{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}""")]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":7}""")]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"\ud800"}""")]
    [InlineData("""{"jsonrpc":"\ud800","id":1,"method":"eth_chainId"}""")]
    [InlineData("""{"jsonrpc":"2.0","id":"\ud800","method":"eth_chainId"}""")]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"eth_sendRawTransaction","params":["\ud800"]}""")]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":["\ud800", "latest"]}""")]
    [InlineData("""{"jsonrpc":"2.0","id":1e400,"method":"eth_chainId"}""")]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":{}}""")]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":[{"a":1,"a":2}]}""")]
    [InlineData("[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]")]
    public async Task WhatIsWrongWithARequestIsInTheAnswer(string body)
    {
        var answer = JsonDocument.Parse(await fixture.Proxy.HandleAsync(Encoding.UTF8.GetBytes(body))).RootElement;
        Assert.True(answer.GetProperty("error").GetProperty("code").GetInt64() < 0);
    }

    [Fact]
    public async Task RequestsBeyondTheLimitsAreRefused()
    {
        var proxy = fixture.Proxy;
        var large = JsonDocument.Parse(await proxy.HandleAsync(new byte[EthProxy.MaxRequestBytes + 1])).RootElement;
        Assert.Equal(-32600, large.GetProperty("error").GetProperty("code").GetInt64());
        var many = "[" + string.Join(',', Enumerable.Repeat("7", EthProxy.MaxBatch + 1)) + "]";
        Assert.Equal(-32600, JsonDocument.Parse(await proxy.HandleAsync(Encoding.UTF8.GetBytes(many))).RootElement.GetProperty("error").GetProperty("code").GetInt64());
    }
}

/// <summary>One chain for the requests that never get as far as changing it.</summary>
public sealed class ProxyFixture : IAsyncLifetime
{
    private readonly ChainTesting _testing = new();
    private EmbeddedChain _chain = null!;

    public EthProxy Proxy { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        _chain = await _testing.StartAsync();
        Proxy = new EthProxy(_chain);
    }

    public async ValueTask DisposeAsync()
    {
        Proxy.Dispose();
        await _chain.DisposeAsync();
        _testing.Dispose();
    }
}
