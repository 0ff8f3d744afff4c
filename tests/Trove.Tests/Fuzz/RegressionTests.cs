using System.IO.Compression;
using System.Net;
using System.Text;
using System.Text.Json;
using Trove.Chain.Abi;
using Trove.Chain.Embedded;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;
using Trove.Exports;
using Trove.Exports.Text;
using Trove.Exports.WhatsApp;
using Trove.Node.Chain;
using Trove.Node.Database;
using Trove.Node.Protocol;
using Trove.Node.Requests;
using Trove.Node.Runners;

namespace Trove.Tests.Fuzz;

/// <summary>What the fuzzer found, each by its smallest input.</summary>
public sealed class RegressionTests
{
    // \d has the digits of all scripts; the number parser behind it does not, and its exception ended the verifier.
    [Theory]
    [InlineData("2003-04-17T19:02:11.٣+02:00")]
    [InlineData("2003-04-17T19:02:11+0٣:00")]
    public void A_time_with_digits_of_another_script_is_unknown(string time) => Assert.Null(Times.Parse(time));

    [Theory]
    [InlineData("postgres:\0")]
    [InlineData("postgresql://u:%00@h/d")]
    [InlineData("postgresql://u@h/d?sslmode=-1")]
    [InlineData("postgresql://u@h/d?sslmode=+1")]
    [InlineData("postgresql://u:p@x/d?host=/run,elsewhere.example")]
    public void An_odd_database_url_is_refused_in_words(string url) => Assert.Throws<DatabaseException>(() => DatabaseUrl.Parse(url));

    [Theory]
    [InlineData("""{"received":true}""")]
    [InlineData("[]")]
    [InlineData("""{"detail":"\ud800"}""")]
    public async Task An_odd_problem_of_a_node_is_still_a_problem(string body)
    {
        using var client = new TroveClient(new Uri("http://127.0.0.1:1"), longRunning: false, new Answer(HttpStatusCode.Conflict, body, "application/problem+json"));
        Assert.Equal(409, (await Assert.ThrowsAsync<TroveApiException>(() => client.CompleteAsync(default, default))).Status);
    }

    [Fact]
    public async Task An_answer_in_no_known_encoding_is_a_bad_answer()
    {
        using var client = new TroveClient(new Uri("http://127.0.0.1:1"), longRunning: false, new Answer(HttpStatusCode.OK, "{}", "application/json; charset=klingon"));
        Assert.Equal("bad-answer", (await Assert.ThrowsAsync<TroveApiException>(() => client.InfoAsync(default))).Code);
    }

    // A choice without a text: its votes stand where the text would.
    [Fact]
    public void A_poll_with_an_empty_choice_is_none() => Assert.Equal("L:\n\nP: ()", WhatsAppBody.Parse("L:\n\nP: ()").Text);

    [Theory]
    [InlineData("null", "\"prague\"", "\"1\"")]
    [InlineData("[]", "null", "\"1\"")]
    [InlineData("[]", "\"prague\"", "null")]
    public void A_chains_first_file_with_parts_missing_is_refused_in_words(string funded, string hardfork, string balance)
    {
        var folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "genesis.json"), $$"""{"format":1,"chainId":1,"timestamp":5,"hardfork":{{hardfork}},"gasLimit":0,"baseFeePerGas":6,"funded":{{funded}},"balanceWei":{{balance}}}""");
            Assert.Contains("restore the file", Assert.Throws<InvalidOperationException>(() => ChainGenesis.LoadOrCreate(folder, [], Path.Combine(folder, "none"), TimeProvider.System)).Message, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // .NET's parsers take NUL characters behind a number for its end.
    [Fact]
    public void A_number_with_a_nul_behind_is_none()
    {
        Assert.Throws<AbiException>(() => AbiType.Parse("uint8[5\0]"));
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<Money>("\"5\\u0000\"", TroveJson.Options));
        Assert.Throws<FormatException>(() => Trove.Chain.Events.FollowerCursor.Parse("5\0"));
    }

    // Its backslash would have made another name of it on the way to anvil.
    [Fact]
    public void A_method_is_passed_on_as_it_was_read()
    {
        using var json = JsonDocument.Parse("""{"jsonrpc":"2.0","id":1,"method":"\\u0065th_call\",\"x\":\""}""");
        using var passed = JsonDocument.Parse(EthProxy.Call.Read(json.RootElement)!.ToJson());
        Assert.Equal(("\\u0065th_call\",\"x\":\"", 4), (passed.RootElement.GetProperty("method").GetString(), passed.RootElement.EnumerateObject().Count()));
    }

    [Fact]
    public void A_proposals_event_with_other_topics_is_none()
    {
        Hash32 signature = Trove.Chain.Bindings.AssetGovernor.ProposalCreatedEvent.Signature, other = Keccak256.Hash("another topic"u8);
        var asset = ActionTargets.Of(RpcTargets.Asset);
        Assert.Null(GrantEvents.Read(new Log(asset.Governor, [signature, other], new byte[64], new BlockRef(1, other), other, 0), asset));
    }

    [Fact]
    public void Terms_that_nobody_can_pay_still_have_a_total()
    {
        var terms = new RequestTerms(default, "", [], 0, 0, 0, default, 1, new Money(UInt128.MaxValue), 3, 0, default);
        Assert.Equal(new Money(UInt128.MaxValue), terms.Total);
        Assert.Equal(new Money(6), (terms with { Price = new Money(2) }).Total);
    }

    [Fact]
    public void A_job_with_a_part_that_is_null_is_none() => Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<ExecutorJob>(
        JsonSerializer.Serialize((ExecutorJob)Samples.Of(typeof(ExecutorJob))!, TroveJson.Options).Replace("\"parts\":[", "\"parts\":[null,", StringComparison.Ordinal), TroveJson.Options));

    [Fact]
    public void An_amount_beyond_128_bits_is_refused() => Assert.Throws<AbiException>(() => UInt128Text.Of(System.Numerics.BigInteger.One << 128));

    [Fact]
    public void A_stored_amount_that_is_none_is_refused() => Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<ChainEventData>("""{"amount":""}""", TroveJson.Options));

    // Asked for one block, a lying node answers with another: what is read as of that block would be of another time.
    [Fact]
    public async Task Another_block_than_the_one_asked_for_is_refused()
    {
        const string hash = "0x1111111111111111111111111111111111111111111111111111111111111111";
        const string block = $$"""{"jsonrpc":"2.0","id":1,"result":{"number":"0x6","hash":"{{hash}}","parentHash":"{{hash}}","timestamp":"0x1","gasLimit":"0x1","transactions":[]} }""";
        using var client = new EthClient(new Uri("http://127.0.0.1:1"), null, new Answer(HttpStatusCode.OK, block, "application/json"));
        Assert.Equal(RpcFailure.BadReply, (await Assert.ThrowsAsync<RpcException>(() => client.GetBlockAsync(BlockTag.At(5)))).Failure);
    }

    [Fact]
    public void A_point_of_low_order_is_known()
    {
        Assert.True(new X25519Recipient(default).IsLowOrder);
        using var identity = X25519Identity.Generate();
        Assert.False(identity.Recipient.IsLowOrder);
    }

    // The length is only a claim: a frame of a GiB that never comes takes no GiB.
    [Fact]
    public void A_frame_takes_memory_for_what_comes()
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<EndOfStreamException>(() => Frames.Read(new MemoryStream([(byte)'s', 0x3F, 0xFF, 0xFF, 0xFF, 1, 2, 3]), 1 << 30));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        var frame = new MemoryStream();
        var bytes = new byte[300_000];
        new Random(1).NextBytes(bytes);
        Frames.Write(frame, Frames.Part, bytes);
        frame.Position = 0;
        Assert.Equal(bytes, Frames.Read(frame, 1 << 20).Bytes);
    }

    // A part that holds nothing is 20 bytes in the file: it must not cost a buffer for a large one.
    [Fact]
    public void A_copy_of_many_small_parts_takes_little_memory()
    {
        using var empty = new MemoryStream();
        new GZipStream(empty, CompressionLevel.Fastest, leaveOpen: true).Dispose();
        byte[] nothing = empty.Length > 0 ? empty.ToArray() : [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        using var file = new MemoryStream();
        CopyFile.Begin(file);
        for (int i = 0; i < 500; i++)
            Assert.True(CopyFile.TryAdd(file, i, new PartKey(RecordKind.Comment, 2020), nothing));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Empty(CopyFile.Read(file.ToArray()));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 500 * 24_576);
    }

    private sealed class Answer(HttpStatusCode status, string body, string type) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            content.Headers.TryAddWithoutValidation("Content-Type", type);
            return Task.FromResult(new HttpResponseMessage(status) { Content = content });
        }
    }
}
