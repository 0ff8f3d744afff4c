using System.Collections.Frozen;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
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

    private const string NoId = "null";
    private const int MaxDepth = 16;
    private const int MaxAnswerBytes = 32 << 20; // of a call, and (nearly) of a whole batch: else a hundred small calls for logs would fill memory
    private const int MaxConcurrentCalls = 4;  // an eth_call of all the gas takes a core for 60 ms, and blocks are made by the same process
    private const int MaxPercentiles = 100;    // eth_feeHistory answers with this many numbers a block

    // Reads without state in the node: no filters or subscriptions, which anvil keeps until asked to forget them.
    private static readonly FrozenSet<string> Reads = FrozenSet.ToFrozenSet(
    [
        "eth_blockNumber", "eth_call", "eth_chainId", "eth_estimateGas", "eth_feeHistory", "eth_gasPrice",
        "eth_getBalance", "eth_getBlockByHash", "eth_getBlockByNumber", "eth_getBlockReceipts", "eth_getBlockTransactionCountByHash",
        "eth_getBlockTransactionCountByNumber", "eth_getCode", "eth_getLogs", "eth_getStorageAt",
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
            return Error(NoId, -32600, $"a request of {requestBody.Length} bytes; at most {MaxRequestBytes} are accepted");
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(requestBody, new JsonDocumentOptions { MaxDepth = MaxDepth });
        }
        catch (JsonException)
        {
            return Error(NoId, -32700, $"the request is no JSON of depth {MaxDepth} or less");
        }
        using (document)
        {
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Array)
                return await AnswerAsync(root, ct).ConfigureAwait(false);
            if (root.GetArrayLength() is 0 or > MaxBatch)
                return Error(NoId, -32600, $"a batch of {root.GetArrayLength()} calls; 1 to {MaxBatch} are accepted");
            using var answers = new MemoryStream();
            foreach (var call in root.EnumerateArray())
            {
                answers.WriteByte(answers.Length == 0 ? (byte)'[' : (byte)',');
                answers.Write(answers.Length < MaxAnswerBytes
                    ? await AnswerAsync(call, ct).ConfigureAwait(false)
                    : Error(NoId, -32005, "the batch's answers are too large together; this call was not made: ask again with fewer"));
            }
            answers.WriteByte((byte)']');
            return answers.ToArray();
        }
    }

    /// <summary>Closes the connections.</summary>
    public void Dispose() => _anvil.Dispose();

    private async Task<byte[]> AnswerAsync(JsonElement json, CancellationToken ct)
    {
        if (Call.Read(json) is not { } call)
            return Error(NoId, -32600, "a call needs jsonrpc \"2.0\", an id (a whole number or a short string), a method, and params, if any, in an array; all in valid Unicode");
        try
        {
            if (call.Method == "eth_sendRawTransaction")
            {
                var receipt = await _chain.SubmitAsync(call.RawTransaction(), ct).ConfigureAwait(false);
                return Encoding.UTF8.GetBytes($$"""{"jsonrpc":"2.0","id":{{call.Id}},"result":"{{receipt.TransactionHash}}"}""");
            }
            if (!Reads.Contains(call.Method))
                return Error(call.Id, -32601, "this method is not offered here");
            return call.Excess(_chain.GasLimit) is { } excess ? Error(call.Id, -32602, excess) : await ForwardAsync(call, ct).ConfigureAwait(false);
        }
        catch (RpcException e)
        {
            return Error(call.Id, e.Code ?? -32603, e.Message);
        }
        catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return Error(call.Id, -32603, "the chain gives no answer, or too large a one; ask for less, or try again");
        }
        catch (InvalidOperationException)
        {
            return Error(call.Id, -32603, "the chain takes no transactions now; look for the receipt later, and send it again if there is none");
        }
    }

    private async Task<byte[]> ForwardAsync(Call call, CancellationToken ct)
    {
        await _calls.WaitAsync(ct).ConfigureAwait(false);
        try
        {
            using var content = new ByteArrayContent(call.ToJson()) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
            using var response = await _anvil.PostAsync((Uri?)null, content, ct).ConfigureAwait(false);
            response.EnsureSuccessStatusCode();
            return await response.Content.ReadAsByteArrayAsync(ct).ConfigureAwait(false);
        }
        finally
        {
            _calls.Release();
        }
    }

    private static byte[] Error(string id, long code, string message) =>
        Encoding.UTF8.GetBytes(
        $$$"""{"jsonrpc":"2.0","id":{{{id}}},"error":{"code":{{{code.ToString(CultureInfo.InvariantCulture)}}},"message":{{{JsonSerializer.Serialize(message)}}}}}""");

    /// <summary>A well-formed call. Id and parameters are JSON text written anew, so that anvil reads exactly what was checked here.</summary>
    internal sealed record Call(string Id, string Method, string Parameters)
    {
        private const int MaxIdChars = 64;

        public static Call? Read(JsonElement json)
        {
            try
            {
                if (json.ValueKind != JsonValueKind.Object || !json.TryGetProperty("jsonrpc", out var version) || version.ValueKind != JsonValueKind.String || !version.ValueEquals("2.0"u8)
                    || !json.TryGetProperty("id", out var id) || !(id.ValueKind == JsonValueKind.Number ? id.TryGetInt64(out _) : id.ValueKind == JsonValueKind.String && id.GetString()!.Length <= MaxIdChars)
                    || !json.TryGetProperty("method", out var method) || method.ValueKind != JsonValueKind.String)
                    return null;
                bool given = json.TryGetProperty("params", out var parameters);
                return given && parameters.ValueKind != JsonValueKind.Array ? null : new Call(JsonSerializer.Serialize(id), method.GetString()!, given ? JsonSerializer.Serialize(parameters) : "[]");
            }
            catch (Exception e) when (e is InvalidOperationException or JsonException)
            {
                return null; // half of a surrogate pair, which System.Text.Json notices only on reading
            }
        }

        /// <summary>The one parameter of eth_sendRawTransaction; empty, which the chain refuses with a reason, for anything else.</summary>
        public byte[] RawTransaction()
        {
            try
            {
                return JsonSerializer.Deserialize<JsonElement[]>(Parameters) is [{ ValueKind: JsonValueKind.String } raw] ? Hex.Decode(raw.GetString()!) : [];
            }
            catch (FormatException)
            {
                return [];
            }
        }

        /// <summary>
        /// What would keep anvil busy beyond measure, or null: it bounds an eth_call by the block's gas limit only where the caller names no
        /// gas, and one endless call with 2^48 gas stops the whole chain.
        /// </summary>
        public string? Excess(ulong gasLimit)
        {
            var parameters = JsonSerializer.Deserialize<JsonElement[]>(Parameters)!;
            if (Method is "eth_call" or "eth_estimateGas")
            {
                if (parameters.Length > 2 || parameters is not [{ ValueKind: JsonValueKind.Object } call, ..])
                    return $"{Method} takes a call and a block here; overrides are not offered";
                // Every member of that name: of two, nobody knows which one anvil reads.
                if (call.EnumerateObject().Any(m => m.Name.Equals("gas", StringComparison.OrdinalIgnoreCase) && !IsGas(m.Value, gasLimit)))
                    return $"the gas of a call must be a quantity of at most {gasLimit}";
            }
            return Method == "eth_feeHistory" && parameters.Length > 2 && parameters[2].ValueKind == JsonValueKind.Array && parameters[2].GetArrayLength() > MaxPercentiles
                ? $"at most {MaxPercentiles} percentiles are accepted"
                : null;
        }

        private static bool IsGas(JsonElement value, ulong most) => value.ValueKind == JsonValueKind.Null
            || (value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 2 and <= 18 } text && text.StartsWith("0x", StringComparison.Ordinal)
                && ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong gas) && gas <= most);

        public byte[] ToJson() => Encoding.UTF8.GetBytes($$"""{"jsonrpc":"2.0","id":{{Id}},"method":{{JsonSerializer.Serialize(Method)}},"params":{{Parameters}}}""");
    }
}
