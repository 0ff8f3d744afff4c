using System.Collections.Frozen;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Trove.Chain.Rpc;
using Trove.Core;

namespace Trove.Chain.Embedded;

/// <summary>
/// The public face of an <see cref="EmbeddedChain"/>: JSON-RPC 2.0 request bodies in, answers out. Only what is on the list reaches anvil, whose
/// other methods mint money and rewrite history; transactions go through the journal.
/// </summary>
public sealed class EthProxy : IDisposable
{
    /// <summary>Largest request body: a transaction in hex, and some more calls.</summary>
    public const int MaxRequestBytes = 1024 * 1024;

    /// <summary>Most calls in one body.</summary>
    public const int MaxBatch = 100;

    private const int MaxDepth = 16;
    private const int MaxAnswerBytes = 32 << 20; // of a call, and (nearly) of a whole batch: else a hundred small calls for logs would fill memory
    private const int MaxConcurrentCalls = 16;

    // Reads without state in the node: no filters or subscriptions, which anvil keeps until asked to forget them.
    private static readonly FrozenSet<string> Reads = FrozenSet.ToFrozenSet(
    [
        "eth_blockNumber", "eth_call", "eth_chainId", "eth_createAccessList", "eth_estimateGas", "eth_feeHistory", "eth_gasPrice",
        "eth_getBalance", "eth_getBlockByHash", "eth_getBlockByNumber", "eth_getBlockReceipts", "eth_getBlockTransactionCountByHash",
        "eth_getBlockTransactionCountByNumber", "eth_getCode", "eth_getLogs", "eth_getProof", "eth_getStorageAt",
        "eth_getTransactionByBlockHashAndIndex", "eth_getTransactionByBlockNumberAndIndex", "eth_getTransactionByHash",
        "eth_getTransactionCount", "eth_getTransactionReceipt", "eth_maxPriorityFeePerGas", "eth_syncing", "net_version", "web3_clientVersion",
    ]);

    private readonly SemaphoreSlim _calls = new(MaxConcurrentCalls);
    private readonly EmbeddedChain _chain;
    private readonly HttpClient _anvil;

    /// <summary>A proxy in front of <paramref name="chain"/>.</summary>
    public EthProxy(EmbeddedChain chain)
    {
        _chain = chain;
        // Not EthClient: it turns answers into exceptions, and wallets want anvil's answers, errors and their data, as they are.
        _anvil = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false })
        {
            BaseAddress = chain.RpcUrl,
            Timeout = TimeSpan.FromSeconds(30),
            MaxResponseContentBufferSize = MaxAnswerBytes,
        };
    }

    /// <summary>
    /// Answers one request body, a call or a batch of calls, with one answer body. A transaction is answered when it is mined. Nothing in the
    /// body makes this throw: what is wrong with it is in the answer.
    /// </summary>
    public async Task<byte[]> HandleAsync(ReadOnlyMemory<byte> requestBody, CancellationToken ct = default)
    {
        if (requestBody.Length > MaxRequestBytes)
            return Error(null, -32600, $"a request of {requestBody.Length} bytes; at most {MaxRequestBytes} are accepted");
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(requestBody, new JsonDocumentOptions { MaxDepth = MaxDepth });
        }
        catch (JsonException)
        {
            return Error(null, -32700, $"the request is no JSON of depth {MaxDepth} or less");
        }
        using (document)
        {
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Array)
                return await AnswerAsync(root, ct).ConfigureAwait(false);
            if (root.GetArrayLength() is 0 or > MaxBatch)
                return Error(null, -32600, $"a batch of {root.GetArrayLength()} calls; 1 to {MaxBatch} are accepted");
            using var answers = new MemoryStream();
            foreach (var call in root.EnumerateArray())
            {
                answers.WriteByte(answers.Length == 0 ? (byte)'[' : (byte)',');
                answers.Write(answers.Length < MaxAnswerBytes
                    ? await AnswerAsync(call, ct).ConfigureAwait(false)
                    : Error(Id(call), -32005, "the batch's answers are too large together; ask one by one"));
            }
            answers.WriteByte((byte)']');
            return answers.ToArray();
        }
    }

    /// <summary>Closes the connections.</summary>
    public void Dispose() => _anvil.Dispose();

    private async Task<byte[]> AnswerAsync(JsonElement call, CancellationToken ct)
    {
        var id = Id(call);
        if (id is null || !call.TryGetProperty("jsonrpc", out var version) || version.ValueKind != JsonValueKind.String || !version.ValueEquals("2.0"u8)
            || !call.TryGetProperty("method", out var name) || name.ValueKind != JsonValueKind.String)
            return Error(id, -32600, "a call needs jsonrpc \"2.0\", an id (a number or a short string) and a method");
        var parameters = call.TryGetProperty("params", out var given) ? ToNode(given) : new JsonArray();
        if (parameters is not JsonArray list)
            return Error(id, -32602, "params must be an array");
        try
        {
            if (name.ValueEquals("eth_sendRawTransaction"u8))
                return Bytes(new JsonObject { ["jsonrpc"] = "2.0", ["id"] = id, ["result"] = await SubmitAsync(list, ct).ConfigureAwait(false) });
            return Reads.TryGetValue(name.GetString()!, out var method)
                ? await ForwardAsync(new JsonObject { ["jsonrpc"] = "2.0", ["id"] = id, ["method"] = method, ["params"] = list }, ct).ConfigureAwait(false)
                : Error(id, -32601, "this method is not offered here");
        }
        catch (RpcException e)
        {
            return Error(id, e.Code ?? -32603, e.Message);
        }
        catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return Error(id, -32603, "the chain gives no answer, or too large a one; ask for less, or try again");
        }
        catch (InvalidOperationException e)
        {
            return Error(id, -32603, e.Message);
        }
    }

    private async Task<byte[]> ForwardAsync(JsonObject call, CancellationToken ct)
    {
        await _calls.WaitAsync(ct).ConfigureAwait(false);
        try
        {
            using var content = new ByteArrayContent(Bytes(call)) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
            using var response = await _anvil.PostAsync((Uri?)null, content, ct).ConfigureAwait(false);
            response.EnsureSuccessStatusCode();
            return await response.Content.ReadAsByteArrayAsync(ct).ConfigureAwait(false);
        }
        finally
        {
            _calls.Release();
        }
    }

    private async Task<string> SubmitAsync(JsonArray parameters, CancellationToken ct)
    {
        byte[] raw;
        try
        {
            raw = parameters is [JsonValue value] && value.TryGetValue(out string? text) ? Hex.Decode(text) : [];
        }
        catch (FormatException)
        {
            raw = []; // refused there, with what is expected
        }
        return (await _chain.SubmitAsync(raw, ct).ConfigureAwait(false)).TransactionHash.ToString();
    }

    private static JsonNode? Id(JsonElement call) =>
        call.ValueKind == JsonValueKind.Object && call.TryGetProperty("id", out var id)
        && (id.ValueKind == JsonValueKind.Number || (id.ValueKind == JsonValueKind.String && id.GetRawText().Length <= 128))
            ? ToNode(id)
            : null;

    private static JsonNode? ToNode(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => JsonObject.Create(value),
        JsonValueKind.Array => JsonArray.Create(value),
        _ => JsonValue.Create(value),
    };

    private static byte[] Error(JsonNode? id, long code, string message) => Bytes(new JsonObject
    {
        ["jsonrpc"] = "2.0",
        ["id"] = id,
        ["error"] = new JsonObject { ["code"] = code, ["message"] = message },
    });

    private static byte[] Bytes(JsonObject json) => JsonSerializer.SerializeToUtf8Bytes(json);
}
