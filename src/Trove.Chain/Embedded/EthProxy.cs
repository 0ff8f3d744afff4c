using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Trove.Chain.Rpc;
using Trove.Core;

namespace Trove.Chain.Embedded;

/// <summary>
/// A JSON-RPC 2.0 endpoint that lets strangers read a chain and send transactions, and nothing else: an allow-list of
/// methods, bounded sizes, bounded work at a time. It answers every input with a JSON-RPC reply.
/// </summary>
public sealed class EthProxy
{
    /// <summary>Largest request body: a batch of a few transactions of the largest size.</summary>
    public const int MaxRequestBytes = 1 << 20;

    /// <summary>Most requests in one batch.</summary>
    public const int MaxBatch = 100;

    private const int MaxReplyBytes = 32 << 20; // of one body; eth_getLogs over a whole chain is refused
    private const int MaxParameters = 3;        // no state overrides, which let a caller run any code as anybody
    private const int MaxConcurrent = 16;       // eth_call burns processor time: this much at once

    private static readonly Dictionary<string, int> Allowed = new(StringComparer.Ordinal)
    {
        ["eth_blockNumber"] = 0, ["eth_call"] = 2, ["eth_chainId"] = 0, ["eth_estimateGas"] = 2, ["eth_feeHistory"] = 3,
        ["eth_gasPrice"] = 0, ["eth_getBalance"] = 2, ["eth_getBlockByHash"] = 2, ["eth_getBlockByNumber"] = 2,
        ["eth_getBlockReceipts"] = 1, ["eth_getBlockTransactionCountByHash"] = 1, ["eth_getBlockTransactionCountByNumber"] = 1,
        ["eth_getCode"] = 2, ["eth_getLogs"] = 1, ["eth_getStorageAt"] = 3, ["eth_getTransactionByHash"] = 1,
        ["eth_getTransactionCount"] = 2, ["eth_getTransactionReceipt"] = 1, ["eth_maxPriorityFeePerGas"] = 0,
        ["eth_sendRawTransaction"] = 1, ["net_version"] = 0, ["web3_clientVersion"] = 0,
    };

    private readonly Func<string, IReadOnlyList<JsonNode?>, CancellationToken, Task<JsonElement>> _read;
    private readonly Func<byte[], CancellationToken, Task<SubmitResult>> _submit;
    private readonly SemaphoreSlim _turns = new(MaxConcurrent);

    /// <summary>A proxy that reads through one function and submits raw transactions through another.</summary>
    public EthProxy(Func<string, IReadOnlyList<JsonNode?>, CancellationToken, Task<JsonElement>> read, Func<byte[], CancellationToken, Task<SubmitResult>> submit) =>
        (_read, _submit) = (read, submit);

    /// <summary>Answers one HTTP body, a request or a batch, with the body of the reply (application/json).</summary>
    public async Task<byte[]> HandleAsync(ReadOnlyMemory<byte> body, CancellationToken cancel = default)
    {
        if (body.Length > MaxRequestBytes)
            return Write(Error(null, -32600, $"a request of {body.Length} bytes; at most {MaxRequestBytes} are accepted"));
        JsonNode? request;
        try
        {
            request = JsonText.IsUnicode(body.Span)
                ? JsonNode.Parse(body.Span, documentOptions: new JsonDocumentOptions { MaxDepth = 16, AllowDuplicateProperties = false })
                : throw new JsonException();
        }
        catch (JsonException)
        {
            return Write(Error(null, -32700, "not JSON, or nested too deep"));
        }
        if (request is not JsonArray batch)
            return Write(await AnswerAsync(request, cancel).ConfigureAwait(false));
        if (batch.Count is 0 or > MaxBatch)
            return Write(Error(null, -32600, $"a batch of {batch.Count} requests; 1 to {MaxBatch} are accepted"));
        var answers = new JsonArray();
        long size = 0;
        foreach (var item in batch)
        {
            var answer = size > MaxReplyBytes ? Error(Id(item), -32005, "the replies of this batch are too large; ask for less at once") : await AnswerAsync(item, cancel).ConfigureAwait(false);
            size += Write(answer).Length;
            answers.Add(answer);
        }
        return Write(answers);
    }

    private async Task<JsonObject> AnswerAsync(JsonNode? request, CancellationToken cancel)
    {
        var id = Id(request);
        if (request is not JsonObject call || call["method"] is not JsonValue name || !name.TryGetValue(out string? method))
            return Error(id, -32600, "not a JSON-RPC 2.0 request");
        if (!Allowed.TryGetValue(method, out int most))
            return Error(id, -32601, "this method is not offered here");
        IReadOnlyList<JsonNode?> parameters = call["params"] switch { null => [], JsonArray list => [.. list], _ => [null, null, null, null] };
        if (parameters.Count > Math.Min(most, MaxParameters))
            return Error(id, -32602, $"{method} takes a list of at most {most} parameters here");
        bool reads = method != "eth_sendRawTransaction"; // a transaction waits for its block, not for a turn
        if (reads)
            await _turns.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            return !reads
                ? await SendAsync(id, parameters, cancel).ConfigureAwait(false)
                : Result(id, JsonNode.Parse((await _read(method, parameters, cancel).ConfigureAwait(false)).GetRawText()));
        }
        catch (RpcException e) when (e.Failure is RpcFailure.Refused or RpcFailure.Reverted)
        {
            var error = Error(id, e.Code ?? -32000, e.Failure == RpcFailure.Reverted ? $"execution reverted: {e.Revert}" : e.Reason);
            if (e.Revert is { Data.Length: > 0 } revert)
                error["error"]!["data"] = Hex.Encode(revert.Data);
            return error;
        }
        catch (Exception e) when (e is RpcException or InvalidOperationException)
        {
            return Error(id, -32603, "the chain cannot answer now; try again in a moment");
        }
        finally
        {
            if (reads)
                _turns.Release();
        }
    }

    private async Task<JsonObject> SendAsync(JsonNode? id, IReadOnlyList<JsonNode?> parameters, CancellationToken cancel)
    {
        if (parameters is not [JsonValue value] || !value.TryGetValue(out string? text) || !text.StartsWith("0x", StringComparison.Ordinal))
            return Error(id, -32602, "eth_sendRawTransaction takes one raw transaction as 0x and hex digits");
        byte[] raw;
        try
        {
            raw = Hex.Decode(text);
        }
        catch (FormatException)
        {
            return Error(id, -32602, "the raw transaction is no hex data");
        }
        var result = await _submit(raw, cancel).ConfigureAwait(false);
        return result.Refusal is null ? Result(id, Keccak256.Hash(raw).ToString()) : Error(id, -32000, result.Refusal);
    }

    private static JsonNode? Id(JsonNode? request) =>
        request is JsonObject call && call["id"] is JsonValue id && id.GetValueKind() is JsonValueKind.Number or JsonValueKind.String ? call["id"]!.DeepClone() : null;

    private static JsonObject Result(JsonNode? id, JsonNode? result) => new() { ["jsonrpc"] = "2.0", ["id"] = id?.DeepClone(), ["result"] = result };

    private static JsonObject Error(JsonNode? id, long code, string message) =>
        new() { ["jsonrpc"] = "2.0", ["id"] = id?.DeepClone(), ["error"] = new JsonObject { ["code"] = code, ["message"] = message } };

    private static byte[] Write(JsonNode node) => JsonSerializer.SerializeToUtf8Bytes(node);

    /// <summary>Lets an <see cref="EthClient"/> in this process use the proxy without a socket.</summary>
    internal sealed class Handler(EthProxy proxy) : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var body = await request.Content!.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
            var reply = await proxy.HandleAsync(body, cancellationToken).ConfigureAwait(false);
            return new HttpResponseMessage(HttpStatusCode.OK)
            {
                Content = new ByteArrayContent(reply) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } },
            };
        }
    }
}
