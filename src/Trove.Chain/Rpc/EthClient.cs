using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Trove.Core;

namespace Trove.Chain.Rpc;

/// <summary>One call of a batch.</summary>
public sealed record RpcRequest(string Method, params IReadOnlyList<JsonNode?> Parameters);

/// <summary>Limits on what a node may do to us.</summary>
public sealed record EthClientLimits
{
    /// <summary>Longest wait for one HTTP exchange.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Most bytes of one HTTP response body.</summary>
    public int MaxResponseBytes { get; init; } = 32 << 20;
}

/// <summary>
/// Ethereum JSON-RPC 2.0 over HTTP. The node is not trusted to be correct: ids, sizes, depth and every field are
/// checked, and what does not hold ends in an <see cref="RpcException"/> that says so. Nothing is retried here: the
/// callers know which calls may be repeated.
/// </summary>
public sealed class EthClient : IDisposable
{
    /// <summary>Most requests in one batch; more are split.</summary>
    public const int MaxBatch = 100;

    private const int MaxDepth = 32; // of JSON; the deepest reply read here has 5 levels

    private readonly HttpClient _http;
    private readonly Uri _url;
    private readonly int _maxResponseBytes;
    private readonly string _host;
    private long _nextId;

    /// <summary>A client of the node at <paramref name="url"/>: https, or http on a loopback address.</summary>
    /// <param name="url">Where the node is. May hold an API key: it is never shown.</param>
    /// <param name="limits">Null for the defaults.</param>
    /// <param name="handler">How to send; null for a fresh connection pool. Disposed with the client.</param>
    /// <exception cref="ArgumentException">Plain http to another machine: anybody between could lie or read.</exception>
    public EthClient(Uri url, EthClientLimits? limits = null, HttpMessageHandler? handler = null)
    {
        if (!url.IsAbsoluteUri || !(url.Scheme == Uri.UriSchemeHttps || (url.Scheme == Uri.UriSchemeHttp && url.IsLoopback)))
            throw new ArgumentException($"the RPC address must be https, or http on this machine; give the https address of {(url.IsAbsoluteUri ? url.Host : "the node")}");
        limits ??= new EthClientLimits();
        _url = url;
        _host = url.IsDefaultPort ? url.Host : $"{url.Host}:{url.Port}";
        _maxResponseBytes = limits.MaxResponseBytes;
        handler ??= new SocketsHttpHandler
        {
            AllowAutoRedirect = false, // a redirect would carry the request to a host nobody chose
            AutomaticDecompression = DecompressionMethods.None, // no decompression, no decompression bombs
            ConnectTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionLifetime = TimeSpan.FromMinutes(5), // DNS changes are followed
            MaxConnectionsPerServer = 16,
            MaxResponseHeadersLength = 16,
        };
        _http = new HttpClient(handler) { Timeout = limits.Timeout };
    }

    /// <summary>The chain's id (EIP-155).</summary>
    public async Task<ulong> ChainIdAsync(CancellationToken cancel = default) =>
        Reader("eth_chainId").Number64(await SendAsync("eth_chainId", [], cancel).ConfigureAwait(false), "result");

    /// <summary>Number of the newest block.</summary>
    public async Task<ulong> BlockNumberAsync(CancellationToken cancel = default) =>
        Reader("eth_blockNumber").Number64(await SendAsync("eth_blockNumber", [], cancel).ConfigureAwait(false), "result");

    /// <summary>A block; null when the node has none of that number or hash.</summary>
    public async Task<Block?> GetBlockAsync(BlockTag tag, CancellationToken cancel = default)
    {
        var request = BlockRequest(tag);
        var json = await SendAsync(request.Method, request.Parameters, cancel).ConfigureAwait(false);
        return ReadBlock(request.Method, json, tag.Hash, tag.Number);
    }

    /// <summary>The blocks of these numbers in one batch; null for those the node does not have.</summary>
    public async Task<IReadOnlyList<Block?>> GetBlocksAsync(IReadOnlyList<ulong> numbers, CancellationToken cancel = default)
    {
        var replies = await BatchAsync([.. numbers.Select(n => BlockRequest(BlockTag.At(n)))], cancel).ConfigureAwait(false);
        return [.. replies.Select((json, i) => ReadBlock("eth_getBlockByNumber", json, null, numbers[i]))];
    }

    /// <summary>The events of the blocks <paramref name="from"/> to <paramref name="to"/>, both included, in the node's order.</summary>
    public async Task<IReadOnlyList<Log>> GetLogsAsync(LogFilter filter, ulong from, ulong to, CancellationToken cancel = default)
    {
        if (filter.Topics.Count > LogFilter.MaxEntries)
            throw new ArgumentException($"a log filter takes at most {LogFilter.MaxEntries} topics; split it");
        if (filter.Addresses.Count > LogFilter.MaxEntries)
        {
            var all = new List<Log>();
            foreach (var some in filter.Addresses.Chunk(LogFilter.MaxEntries))
                all.AddRange(await GetLogsAsync(filter with { Addresses = some }, from, to, cancel).ConfigureAwait(false));
            return [.. all.OrderBy(l => l.Block.Number).ThenBy(l => l.Index)];
        }
        var query = new JsonObject { ["fromBlock"] = Quantity.Of(from), ["toBlock"] = Quantity.Of(to) };
        if (filter.Addresses.Count > 0)
            query["address"] = new JsonArray([.. filter.Addresses.Select(a => (JsonNode)a.ToString())]);
        if (filter.Topics.Count > 0)
            query["topics"] = new JsonArray(new JsonArray([.. filter.Topics.Select(t => (JsonNode)t.ToString())]));
        var reader = Reader("eth_getLogs");
        var logs = reader.Array(await SendAsync("eth_getLogs", [query], cancel).ConfigureAwait(false), "result").Select(reader.Log).ToArray();
        return logs.All(l => filter.Matches(l) && l.Block.Number >= from && l.Block.Number <= to) ? logs : throw reader.Bad("a log that was not asked for");
    }

    /// <summary>Runs a call without a transaction and returns what the contract returns.</summary>
    /// <exception cref="RpcException">With the decoded revert when the contract reverts.</exception>
    public async Task<byte[]> CallAsync(ContractCall call, Address? from = null, BlockTag at = default, CancellationToken cancel = default) =>
        Reader("eth_call").Data(await SendAsync("eth_call", [CallObject(call, from), at.ToJson()], cancel).ConfigureAwait(false), "result");

    /// <summary>Gas that the call would need in the next block.</summary>
    /// <exception cref="RpcException">With the decoded revert when the contract reverts.</exception>
    public async Task<ulong> EstimateGasAsync(ContractCall call, Address from, CancellationToken cancel = default) =>
        Reader("eth_estimateGas").Number64(await SendAsync("eth_estimateGas", [CallObject(call, from), BlockTag.Pending.ToJson()], cancel).ConfigureAwait(false), "result");

    /// <summary>Hands a signed transaction to the network and returns its hash.</summary>
    /// <exception cref="RpcException">Refused by the node, or the node names another transaction's hash.</exception>
    public async Task<Hash32> SendRawTransactionAsync(byte[] raw, CancellationToken cancel = default)
    {
        var reader = Reader("eth_sendRawTransaction");
        var hash = reader.Hash(await SendAsync("eth_sendRawTransaction", [Hex.Encode(raw)], cancel).ConfigureAwait(false), "result");
        return hash == Keccak256.Hash(raw) ? hash : throw reader.Bad("the hash of another transaction");
    }

    /// <summary>What became of a transaction; null while it is in no block.</summary>
    public async Task<Receipt?> GetTransactionReceiptAsync(Hash32 hash, CancellationToken cancel = default) =>
        ReadReceipt(await SendAsync("eth_getTransactionReceipt", [hash.ToString()], cancel).ConfigureAwait(false), hash);

    /// <summary>What a transaction called; null when the node has none of that hash, or it created a contract.</summary>
    public async Task<ContractCall?> GetTransactionCallAsync(Hash32 hash, CancellationToken cancel = default)
    {
        var reader = Reader("eth_getTransactionByHash");
        var json = await SendAsync("eth_getTransactionByHash", [hash.ToString()], cancel).ConfigureAwait(false);
        return json.ValueKind == JsonValueKind.Null || !reader.Has(json, "to") ? null
            : new ContractCall(reader.Address(reader.Field(json, "to"), "to"), reader.Data(reader.Field(json, "input"), "input"));
    }

    /// <summary>What became of many transactions; null for those in no block.</summary>
    public async Task<IReadOnlyList<Receipt?>> GetTransactionReceiptsAsync(IReadOnlyList<Hash32> hashes, CancellationToken cancel = default)
    {
        var replies = await BatchAsync([.. hashes.Select(h => new RpcRequest("eth_getTransactionReceipt", h.ToString()))], cancel).ConfigureAwait(false);
        return [.. replies.Select((json, i) => ReadReceipt(json, hashes[i]))];
    }

    /// <summary>Number of transactions that <paramref name="account"/> has sent: the next nonce.</summary>
    public async Task<ulong> GetTransactionCountAsync(Address account, BlockTag at = default, CancellationToken cancel = default) =>
        Reader("eth_getTransactionCount").Number64(await SendAsync("eth_getTransactionCount", [account.ToString(), at.ToJson()], cancel).ConfigureAwait(false), "result");

    /// <summary>The next block's base fee (eth_feeHistory) and the node's suggestion for a tip (eth_maxPriorityFeePerGas).</summary>
    public async Task<FeeSuggestion> SuggestFeesAsync(CancellationToken cancel = default)
    {
        var replies = await BatchAsync([new("eth_feeHistory", "0x1", "latest", new JsonArray()), new("eth_maxPriorityFeePerGas")], cancel).ConfigureAwait(false);
        var reader = Reader("eth_feeHistory");
        var fees = reader.Array(reader.Field(replies[0], "baseFeePerGas"), "baseFeePerGas").ToArray();
        return fees.Length is > 0 and <= 3
            ? new FeeSuggestion(reader.Number(fees[^1], "baseFeePerGas"), Reader("eth_maxPriorityFeePerGas").Number(replies[1], "result"))
            : throw reader.Bad("no base fee, or more than were asked for");
    }

    /// <summary>The code of a contract; empty for an account that is none.</summary>
    public async Task<byte[]> GetCodeAsync(Address account, BlockTag at = default, CancellationToken cancel = default) =>
        Reader("eth_getCode").Data(await SendAsync("eth_getCode", [account.ToString(), at.ToJson()], cancel).ConfigureAwait(false), "result");

    /// <summary>Balance in wei.</summary>
    public async Task<UInt128> GetBalanceAsync(Address account, BlockTag at = default, CancellationToken cancel = default) =>
        Reader("eth_getBalance").Number(await SendAsync("eth_getBalance", [account.ToString(), at.ToJson()], cancel).ConfigureAwait(false), "result");

    /// <summary>Any method, one request; the result may be JSON null.</summary>
    /// <exception cref="RpcException">No usable reply, or an error object.</exception>
    public async Task<JsonElement> SendAsync(string method, IReadOnlyList<JsonNode?> parameters, CancellationToken cancel = default)
    {
        long id = Interlocked.Increment(ref _nextId);
        using var reply = await ExchangeAsync(method, Envelope(id, method, parameters), cancel).ConfigureAwait(false);
        var root = reply.RootElement;
        if (root.ValueKind != JsonValueKind.Object)
            throw Reader(method).Bad("not a JSON-RPC object");
        // A node that could not read the request answers with id null (JSON-RPC 2.0, section 5).
        bool unread = root.TryGetProperty("error", out _) && root.TryGetProperty("id", out var given) && given.ValueKind == JsonValueKind.Null;
        return unread || Id(root) == id ? Result(method, root) : throw Reader(method).Bad("the answer to another request");
    }

    /// <summary>Many requests in as few exchanges as <see cref="MaxBatch"/> allows; results in the order of the requests.</summary>
    /// <exception cref="RpcException">One of them, the first in order, failed.</exception>
    public async Task<IReadOnlyList<JsonElement>> BatchAsync(IReadOnlyList<RpcRequest> requests, CancellationToken cancel = default)
    {
        var results = new List<JsonElement>(requests.Count);
        foreach (var chunk in requests.Chunk(MaxBatch))
        {
            long first = Interlocked.Add(ref _nextId, chunk.Length) - chunk.Length + 1;
            var body = new JsonArray([.. chunk.Select((r, i) => Envelope(first + i, r.Method, r.Parameters))]);
            using var reply = await ExchangeAsync(chunk[0].Method, body, cancel).ConfigureAwait(false);
            var reader = Reader(chunk[0].Method);
            if (reply.RootElement.ValueKind == JsonValueKind.Object)
                _ = Result(chunk[0].Method, reply.RootElement); // an error for the batch as a whole: throws
            var answers = new JsonElement?[chunk.Length];
            foreach (var answer in reader.Array(reply.RootElement, "batch"))
            {
                if (Id(answer) is not long id || id < first || id >= first + chunk.Length || answers[id - first] is not null)
                    throw reader.Bad("an answer to a request that was not in the batch, or a second one");
                answers[id - first] = answer;
            }
            for (int i = 0; i < chunk.Length; i++)
                results.Add(Result(chunk[i].Method, answers[i] ?? throw reader.Bad("a batch with an answer missing")));
        }
        return results;
    }

    /// <summary>Closes the connections.</summary>
    public void Dispose() => _http.Dispose();

    private static RpcRequest BlockRequest(BlockTag tag) => tag.Hash is { } hash
        ? new RpcRequest("eth_getBlockByHash", hash.ToString(), false)
        : new RpcRequest("eth_getBlockByNumber", tag.ToJson(), false);

    private static JsonObject Envelope(long id, string method, IReadOnlyList<JsonNode?> parameters) =>
        new() { ["jsonrpc"] = "2.0", ["id"] = id, ["method"] = method, ["params"] = new JsonArray([.. parameters.Select(p => p?.DeepClone())]) };

    private static JsonObject CallObject(ContractCall call, Address? from)
    {
        var json = new JsonObject { ["to"] = call.To.ToString(), ["data"] = Hex.Encode(call.Data) };
        if (from is { } address)
            json["from"] = address.ToString();
        return json;
    }

    private static long? Id(JsonElement answer) =>
        answer.ValueKind == JsonValueKind.Object && answer.TryGetProperty("id", out var id) && id.ValueKind == JsonValueKind.Number && id.TryGetInt64(out long value) ? value : null;

    internal RpcException BadReply(string method, string what) => new(RpcFailure.BadReply, method, _host, what);

    private RpcReader Reader(string method) => new(method, _host);

    private Block? ReadBlock(string method, JsonElement json, Hash32? hash, ulong? number)
    {
        if (json.ValueKind == JsonValueKind.Null)
            return null;
        var block = Reader(method).Block(json);
        return (hash is null || block.Hash == hash) && (number is null || block.Number == number) ? block : throw Reader(method).Bad("another block than was asked for");
    }

    private Receipt? ReadReceipt(JsonElement json, Hash32 hash)
    {
        if (json.ValueKind == JsonValueKind.Null)
            return null;
        var reader = Reader("eth_getTransactionReceipt");
        var receipt = reader.Receipt(json);
        return receipt.TransactionHash == hash ? receipt : throw reader.Bad("the receipt of another transaction");
    }

    private JsonElement Result(string method, JsonElement answer)
    {
        if (answer.ValueKind == JsonValueKind.Object && answer.TryGetProperty("error", out var error) && error.ValueKind != JsonValueKind.Null)
            throw Refusal(method, error);
        return answer.ValueKind == JsonValueKind.Object && answer.TryGetProperty("result", out var result)
            ? result.Clone() : throw Reader(method).Bad("neither a result nor an error");
    }

    private RpcException Refusal(string method, JsonElement error)
    {
        if (error.ValueKind != JsonValueKind.Object)
            return Reader(method).Bad("an error that is no object");
        long? code = error.TryGetProperty("code", out var c) && c.ValueKind == JsonValueKind.Number && c.TryGetInt64(out long value) ? value : null;
        var message = error.TryGetProperty("message", out var m) && m.ValueKind == JsonValueKind.String ? Revert.Printable(m.GetString()!) : "no reason given";
        if (RevertData(error) is { } data && (code is 3 || data.Length > 0))
        {
            var revert = Revert.Decode(data);
            return new RpcException(RpcFailure.Reverted, method, _host, $"the contract refused: {revert}", code, revert);
        }
        return message.Contains("revert", StringComparison.OrdinalIgnoreCase)
            ? new RpcException(RpcFailure.Reverted, method, _host, $"the contract refused: {message}", code, new Revert("", [], []))
            : new RpcException(RpcFailure.Refused, method, _host, $"refused: {message}", code);
    }

    // geth, reth and anvil put the revert data into error.data as text; others nest it once more.
    private static byte[]? RevertData(JsonElement error)
    {
        if (!error.TryGetProperty("data", out var data))
            return null;
        if (data.ValueKind == JsonValueKind.Object && data.TryGetProperty("data", out var inner))
            data = inner;
        if (data.ValueKind != JsonValueKind.String || data.GetString() is not { } text || !text.StartsWith("0x", StringComparison.Ordinal))
            return null;
        try
        {
            return Hex.Decode(text);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private async Task<JsonDocument> ExchangeAsync(string method, JsonNode body, CancellationToken cancel)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, _url)
            {
                Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body)) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } },
            };
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            deadline.CancelAfter(_http.Timeout); // HttpClient's own time-out ends with the headers; the body gets it too
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, deadline.Token).ConfigureAwait(false);
            if (response.StatusCode != HttpStatusCode.OK)
                throw new RpcException(RpcFailure.Unreachable, method, _host, $"HTTP status {(int)response.StatusCode}; check the address, the API key and the node's limits");
            using var stream = await response.Content.ReadAsStreamAsync(deadline.Token).ConfigureAwait(false);
            var bytes = await ReadBoundedAsync(method, stream, deadline.Token).ConfigureAwait(false);
            return JsonText.IsUnicode(bytes.Span)
                ? JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = MaxDepth })
                : throw Reader(method).Bad("text that is not Unicode");
        }
        catch (JsonException)
        {
            throw Reader(method).Bad($"not JSON, or nested deeper than {MaxDepth}");
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new RpcException(RpcFailure.Unreachable, method, _host, $"no answer within {_http.Timeout.TotalSeconds:0} s; check the node, or use another");
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new RpcException(RpcFailure.Unreachable, method, _host, "no connection; check that the node runs and the address is right", inner: e is IOException ? e : null);
        }
    }

    private async Task<ReadOnlyMemory<byte>> ReadBoundedAsync(string method, Stream stream, CancellationToken cancel)
    {
        using var buffer = new MemoryStream();
        var chunk = new byte[64 * 1024];
        int read;
        while ((read = await stream.ReadAsync(chunk, cancel).ConfigureAwait(false)) > 0)
        {
            if (buffer.Length + read > _maxResponseBytes)
                throw new RpcException(RpcFailure.BadReply, method, _host, $"a reply of more than {_maxResponseBytes} bytes; ask for less at once");
            buffer.Write(chunk, 0, read);
        }
        return buffer.GetBuffer().AsMemory(0, (int)buffer.Length);
    }
}
