using System.Net;
using System.Text.Json.Nodes;
using Trove.Chain.Rpc;
using Trove.Core;

namespace Trove.Tests.Chain;

/// <summary>A JSON-RPC server on a real socket that says what a test wants it to say.</summary>
internal sealed class FakeNode : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly Func<string, FakeReply> _reply;

    public FakeNode(Func<string, FakeReply> reply)
    {
        _reply = reply;
        for (int port = Random.Shared.Next(20_000, 30_000); ; port++)
        {
            try
            {
                Url = new Uri($"http://127.0.0.1:{port}/");
                _listener.Prefixes.Clear();
                _listener.Prefixes.Add(Url.ToString());
                _listener.Start();
                break;
            }
            catch (HttpListenerException)
            {
                // taken: the next one
            }
        }
        _ = ServeAsync();
    }

    public Uri Url { get; }

    /// <summary>A node that answers method by method; a handler throws <see cref="FakeError"/> for an error object.</summary>
    public static FakeNode Of(Func<string, JsonArray, JsonNode?> handle) => new(body => new FakeReply(Answers(body, handle)));

    /// <summary>What such a node answers, without a socket.</summary>
    public static string Answers(string body, Func<string, JsonArray, JsonNode?> handle) => JsonNode.Parse(body)! is JsonArray batch
        ? new JsonArray([.. batch.Select(r => Answer(r!, handle))]).ToJsonString()
        : Answer(JsonNode.Parse(body)!, handle).ToJsonString();

    public EthClient Client(int maxResponseBytes = 1 << 20, double timeoutSeconds = 20) =>
        new(Url, new EthClientLimits { MaxResponseBytes = maxResponseBytes, Timeout = TimeSpan.FromSeconds(timeoutSeconds) });

    public void Dispose() => _listener.Close();

    private static JsonObject Answer(JsonNode request, Func<string, JsonArray, JsonNode?> handle)
    {
        var reply = new JsonObject { ["jsonrpc"] = "2.0", ["id"] = request["id"]!.DeepClone() };
        try
        {
            reply["result"] = handle(request["method"]!.GetValue<string>(), request["params"]!.AsArray());
        }
        catch (FakeError e)
        {
            reply["error"] = new JsonObject { ["code"] = e.Code, ["message"] = e.Message, ["data"] = e.Revert is null ? null : Hex.Encode(e.Revert) };
        }
        return reply;
    }

    private async Task ServeAsync()
    {
        while (_listener.IsListening)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }
            try
            {
                using var reader = new StreamReader(context.Request.InputStream);
                var reply = _reply(await reader.ReadToEndAsync());
                context.Response.StatusCode = reply.Status;
                if (reply.Hang)
                    continue;
                context.Response.ContentLength64 = reply.Bytes.Length; // in chunks, the last one would wait 40 ms for the client's acknowledgement
                await context.Response.OutputStream.WriteAsync(reply.Bytes);
                context.Response.Close();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or IOException)
            {
                // the client went away
            }
        }
    }
}

internal sealed record FakeReply(byte[] Bytes, int Status = 200, bool Hang = false)
{
    public FakeReply(string text, int status = 200) : this(System.Text.Encoding.UTF8.GetBytes(text), status)
    {
    }
}

internal sealed class FakeError(long code, string message, byte[]? revert = null) : Exception(message)
{
    public long Code => code;
    public byte[]? Revert => revert;
}

/// <summary>Blocks with logs that can be rewritten: enough of a chain to follow.</summary>
internal sealed class FakeChain
{
    private static readonly Hash32 Topic = Keccak256.Hash("Happened(uint256)"u8);
    private int _salt;

    public List<FakeBlock> Blocks { get; } = [new FakeBlock(0, Keccak256.Hash("genesis"u8), default, 1000, [])];
    public Address Contract { get; } = new(Enumerable.Repeat((byte)0xC0, 20).ToArray());
    public LogFilter Filter => new([Contract], [Topic]);
    public FakeBlock Head => Blocks[^1];

    /// <summary>Runs before each request, for a chain that changes while it is read.</summary>
    public Action<string> Before { get; set; } = _ => { };

    /// <summary>Most blocks of one eth_getLogs.</summary>
    public ulong MaxRange { get; set; } = ulong.MaxValue;

    public void Mine(int logs)
    {
        _salt++;
        var hash = Keccak256.Hash(BitConverter.GetBytes(_salt));
        Blocks.Add(new FakeBlock(Head.Number + 1, hash, Head.Hash, Head.Timestamp + 12, [.. Enumerable.Range(0, logs).Select(i => Keccak256.Hash(BitConverter.GetBytes((_salt << 8) + i + (1L << 40))))]));
    }

    public void Drop(int blocks) => Blocks.RemoveRange(Blocks.Count - blocks, blocks);

    public JsonNode? Handle(string method, JsonArray parameters)
    {
        Before(method);
        switch (method)
        {
            case "eth_blockNumber":
                return Quantity(Head.Number);
            case "eth_getBlockByNumber":
                ulong number = Parse(parameters[0]!);
                return number > Head.Number ? null : Json(Blocks[(int)number]);
            case "eth_getLogs":
                ulong from = Parse(parameters[0]!["fromBlock"]!), to = Parse(parameters[0]!["toBlock"]!);
                if (to - from >= MaxRange)
                    throw new FakeError(-32005, "query returned more than 10000 results");
                return new JsonArray([.. Blocks.Where(b => b.Number >= from && b.Number <= to).SelectMany(Logs)]);
            default:
                throw new FakeError(-32601, "no such method");
        }
    }

    public static string Quantity(ulong value) => $"0x{value:x}";

    public static ulong Parse(JsonNode node) => Convert.ToUInt64(node.GetValue<string>(), 16);

    private static JsonObject Json(FakeBlock b) => new()
    {
        ["number"] = Quantity(b.Number), ["hash"] = b.Hash.ToString(), ["parentHash"] = b.Parent.ToString(), ["timestamp"] = Quantity(b.Timestamp),
        ["gasLimit"] = "0x1c9c380", ["baseFeePerGas"] = "0x7", ["transactions"] = new JsonArray(),
    };

    private IEnumerable<JsonNode> Logs(FakeBlock b) => b.Logs.Select((data, i) => (JsonNode)new JsonObject
    {
        ["address"] = Contract.ToString(), ["topics"] = new JsonArray(Topic.ToString()), ["data"] = data.ToString(), ["blockNumber"] = Quantity(b.Number),
        ["blockHash"] = b.Hash.ToString(), ["transactionHash"] = data.ToString(), ["logIndex"] = Quantity((ulong)i), ["removed"] = false,
    });
}

internal sealed record FakeBlock(ulong Number, Hash32 Hash, Hash32 Parent, ulong Timestamp, IReadOnlyList<Hash32> Logs);
