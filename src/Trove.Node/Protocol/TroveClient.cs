using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Node.Verification;

namespace Trove.Node.Protocol;

/// <summary>The node refused, or cannot be reached. The message names what, the next step says what to do.</summary>
public sealed class TroveApiException(int status, string code, string message, string nextStep, long? received = null) : Exception(message)
{
    /// <summary>HTTP status; 0 when there was no answer.</summary>
    public int Status => status;

    /// <summary>The problem's code, such as <c>nonce-used</c>.</summary>
    public string Code => code;

    /// <summary>What to do about it.</summary>
    public string NextStep => nextStep;

    /// <summary>For a refused upload piece: how many bytes the node has.</summary>
    public long? Received => received;
}

/// <summary>
/// The API's client: what the command line, the verifiers and the demo speak to a node with. Answers are bounded; a
/// node that is busy or breaks off is asked again a few times where asking twice does no harm. Where nobody listens, only
/// a long-running process asks again: a person at a terminal wants to know.
/// </summary>
public sealed class TroveClient : IAssetClient
{
    private const int MaxAnswer = 64 << 20;
    private const string NobodyListens = "connection-refused";
    private const int Tries = 5;
    private static readonly TimeSpan InProgressPause = TimeSpan.FromMilliseconds(500), InProgressPatience = TimeSpan.FromSeconds(30);
    private const int MaxPages = 1000;
    private readonly HttpClient _http;
    private readonly ConcurrentDictionary<Address, SessionInfo> _sessions = [];
    private readonly bool _longRunning;

    /// <summary>A client of the node at <paramref name="node"/>.</summary>
    /// <param name="node">Its address.</param>
    /// <param name="longRunning">A restart of the node is waited out.</param>
    public TroveClient(Uri node, bool longRunning = false)
        : this(node, longRunning, new SocketsHttpHandler())
    {
    }

    internal TroveClient(Uri node, bool longRunning, HttpMessageHandler handler)
    {
        _longRunning = longRunning;
        _http = new HttpClient(handler) { BaseAddress = node, Timeout = TimeSpan.FromMinutes(5), MaxResponseContentBufferSize = MaxAnswer };
    }

    /// <summary>The node's address.</summary>
    public Uri Node => _http.BaseAddress!;

    public Task<NodeInfo> InfoAsync(CancellationToken ct) => GetAsync<NodeInfo>("/api/v1/", ct);

    public Task<List<AssetInfo>> AssetsAsync(CancellationToken ct) => ListAsync<AssetInfo>("/api/v1/assets?limit=200", ct);

    public Task<AssetInfo> AssetAsync(Address asset, CancellationToken ct) => GetAsync<AssetInfo>($"/api/v1/assets/{asset}", ct);

    public Task<AssetInfo> CreateAssetAsync(CreateAssetRequest request, CancellationToken ct) =>
        SendAsync<AssetInfo>(HttpMethod.Post, "/api/v1/assets", request, ct);

    public Task<Hash32> PutPolicyAsync(AssetPolicy policy, CancellationToken ct) => SendAsync<Hash32>(HttpMethod.Put, "/api/v1/policies", policy, ct);

    public Task<DataInfo> DataAsync(Address asset, CancellationToken ct) => GetAsync<DataInfo>($"/api/v1/assets/{asset}/data", ct);

    public Task<List<RequestInfo>> RequestsAsync(Address asset, CancellationToken ct) => ListAsync<RequestInfo>($"/api/v1/assets/{asset}/requests?limit=200", ct);

    public Task<RequestInfo> RequestAsync(Address asset, Hash32 request, CancellationToken ct) => GetAsync<RequestInfo>($"/api/v1/assets/{asset}/requests/{request}", ct);

    public Task<RequestInfo> RequestQueryAsync(Address asset, QueryRequest request, CancellationToken ct) =>
        SendAsync<RequestInfo>(HttpMethod.Post, $"/api/v1/assets/{asset}/requests", request, ct);

    public Task<InputsInfo> InputsAsync(Address asset, Hash32 request, CancellationToken ct) => GetAsync<InputsInfo>($"/api/v1/assets/{asset}/requests/{request}/inputs", ct);

    public Task<List<ProposalInfo>> ProposalsAsync(Address asset, CancellationToken ct) => ListAsync<ProposalInfo>($"/api/v1/assets/{asset}/proposals?limit=200", ct);

    public Task<ProposalInfo> ProposalAsync(Address asset, Hash32 proposal, CancellationToken ct) => GetAsync<ProposalInfo>($"/api/v1/assets/{asset}/proposals/{proposal}", ct);

    public Task<SimulationInfo> SimulateAsync(Address asset, Hash32 proposal, CancellationToken ct) =>
        SendAsync<SimulationInfo>(HttpMethod.Post, $"/api/v1/assets/{asset}/proposals/{proposal}/simulation", null, ct);

    public Task<VotesInfo> VotesAsync(Address asset, Address account, CancellationToken ct) => GetAsync<VotesInfo>($"/api/v1/assets/{asset}/votes/{account}", ct);

    public Task<VotesInfo> DelegateAsync(Address asset, DelegationRequest request, CancellationToken ct) =>
        SendAsync<VotesInfo>(HttpMethod.Post, $"/api/v1/assets/{asset}/delegations", request, ct);

    public Task<List<DelegateInfo>> DelegatesAsync(Address asset, CancellationToken ct) => ListAsync<DelegateInfo>($"/api/v1/assets/{asset}/delegates?limit=200", ct);

    public Task<StatementInfo> StateAsync(Address asset, Address @delegate, StatementRequest request, CancellationToken ct) =>
        SendAsync<StatementInfo>(HttpMethod.Put, $"/api/v1/assets/{asset}/delegates/{@delegate}/statement", request, ct);

    public Task<StakeInfo> StakeAsync(Address asset, Address account, CancellationToken ct) => GetAsync<StakeInfo>($"/api/v1/assets/{asset}/stakes/{account}", ct);

    public Task<StakeInfo> DepositAsync(Address asset, DepositRequest request, CancellationToken ct) =>
        SendAsync<StakeInfo>(HttpMethod.Post, $"/api/v1/assets/{asset}/stakes", request, ct);

    public Task<StakeInfo> UnstakeAsync(Address asset, Address account, UnstakeRequest request, CancellationToken ct) =>
        SendAsync<StakeInfo>(HttpMethod.Post, $"/api/v1/assets/{asset}/stakes/{account}/unstake", request, ct);

    public Task<StakeInfo> WithdrawStakeAsync(Address asset, Address account, CancellationToken ct) =>
        SendAsync<StakeInfo>(HttpMethod.Post, $"/api/v1/assets/{asset}/stakes/{account}/withdrawal", null, ct);

    public Task<List<SlashingInfo>> SlashingsAsync(Address asset, CancellationToken ct) => ListAsync<SlashingInfo>($"/api/v1/assets/{asset}/slashings?limit=200", ct);

    public Task<SlashingInfo> PaySlashingAsync(Address asset, ulong number, CancellationToken ct) =>
        SendAsync<SlashingInfo>(HttpMethod.Post, $"/api/v1/assets/{asset}/slashings/{number}/payment", null, ct);

    public Task<ProposalInfo> ProposeAsync(Address asset, ProposeRequest request, CancellationToken ct) =>
        SendAsync<ProposalInfo>(HttpMethod.Post, $"/api/v1/assets/{asset}/proposals", request, ct);

    public Task<ProposalInfo> VoteAsync(Address asset, Hash32 proposal, VoteRequest request, CancellationToken ct) =>
        SendAsync<ProposalInfo>(HttpMethod.Post, $"/api/v1/assets/{asset}/proposals/{proposal}/votes", request, ct);

    public Task<ProposalInfo> ExecuteAsync(Address asset, Hash32 proposal, CancellationToken ct) =>
        SendAsync<ProposalInfo>(HttpMethod.Post, $"/api/v1/assets/{asset}/proposals/{proposal}/execution", null, ct);

    public Task<List<UseWork>> GuardianWorkAsync(Address guardian, CancellationToken ct) => GetAsync<List<UseWork>>($"/api/v1/guardians/{guardian}/work", ct);

    public Task<CeremonyInfo> StartCeremonyAsync(CeremonyRequest request, CancellationToken ct) =>
        SendAsync<CeremonyInfo>(HttpMethod.Post, "/api/v1/ceremonies", request, ct);

    /// <summary>Ceremonies in which a guardian has a seat, open or just ended; without messages and closings.</summary>
    public Task<List<CeremonyInfo>> GuardianCeremoniesAsync(Address guardian, CancellationToken ct) => GetAsync<List<CeremonyInfo>>($"/api/v1/guardians/{guardian}/ceremonies", ct);

    public Task<CeremonyInfo> CeremonyAsync(Hash32 id, CancellationToken ct) => GetAsync<CeremonyInfo>($"/api/v1/ceremonies/{id}", ct);

    public Task SendCeremonyMessageAsync(Hash32 id, byte[] message, CancellationToken ct) =>
        SendAsync(HttpMethod.Post, $"/api/v1/ceremonies/{id}/messages", new CeremonyMessageRequest(Convert.ToBase64String(message)), ct);

    public Task AskGuardiansAsync(OprfQuestion question, CancellationToken ct) => SendAsync(HttpMethod.Post, $"/api/v1/assets/{question.Asset}/evaluations", question, ct);

    public Task<List<OprfAnswer>> EvaluationAnswersAsync(Hash32 question, CancellationToken ct) => GetAsync<List<OprfAnswer>>($"/api/v1/evaluations/{question}/answers", ct);

    public Task AnswerEvaluationAsync(Hash32 question, OprfAnswer answer, CancellationToken ct) => SendAsync(HttpMethod.Post, $"/api/v1/evaluations/{question}/answers", answer, ct);

    /// <summary>Questions that a guardian has not answered, oldest first: a page, and where the next one is. The first page waits for a question.</summary>
    public async Task<(List<GuardianQuestion> Questions, string? Next)> GuardianEvaluationsAsync(Address guardian, string? next, CancellationToken ct) =>
        await GetPageAsync<List<GuardianQuestion>>(next ?? $"/api/v1/guardians/{guardian}/evaluations", null, ct);

    /// <summary>All heads of a guardian's log that the node has, newest first.</summary>
    public Task<List<LogHeadInfo>> LogHeadsAsync(Address guardian, CancellationToken ct) => ListAsync<LogHeadInfo>($"/api/v1/guardians/{guardian}/log-heads?limit=200", ct);

    /// <summary>The newest of them.</summary>
    public Task<List<LogHeadInfo>> NewestLogHeadsAsync(Address guardian, CancellationToken ct) => GetAsync<List<LogHeadInfo>>($"/api/v1/guardians/{guardian}/log-heads", ct);

    public Task PublishLogHeadAsync(Address guardian, LogHeadRequest head, CancellationToken ct) => SendAsync(HttpMethod.Post, $"/api/v1/guardians/{guardian}/log-heads", head, ct);

    public Task<List<UseWork>> RunnerWorkAsync(Address runner, CancellationToken ct) => GetAsync<List<UseWork>>($"/api/v1/runners/{runner}/work", ct);

    public Task<List<GuardianAnswer>> AnswersAsync(Address asset, Hash32 request, uint use, uint keyVersion, CancellationToken ct) =>
        GetAsync<List<GuardianAnswer>>($"/api/v1/assets/{asset}/requests/{request}/uses/{use}/answers?version={keyVersion}", ct);

    public Task AnswerAsync(Address asset, Hash32 request, uint use, GuardianAnswer answer, CancellationToken ct) =>
        SendAsync(HttpMethod.Post, $"/api/v1/assets/{asset}/requests/{request}/uses/{use}/answers", answer, ct);

    public Task WantProofsAsync(Address asset, Hash32 request, uint use, ProofsRequest proofs, CancellationToken ct) =>
        SendAsync(HttpMethod.Post, $"/api/v1/assets/{asset}/requests/{request}/uses/{use}/proofs", proofs, ct);

    public Task<RequestInfo> OpenUseAsync(Address asset, Hash32 request, OpenUseRequest use, CancellationToken ct) =>
        SendAsync<RequestInfo>(HttpMethod.Post, $"/api/v1/assets/{asset}/requests/{request}/uses", use, ct);

    public Task<RequestInfo> PostResultAsync(Address asset, Hash32 request, uint use, ResultRequest result, CancellationToken ct) =>
        SendAsync<RequestInfo>(HttpMethod.Put, $"/api/v1/assets/{asset}/requests/{request}/uses/{use}/result", result, ct);

    public Task<RequestInfo> FailUseAsync(Address asset, Hash32 request, uint use, FailureRequest failure, CancellationToken ct) =>
        SendAsync<RequestInfo>(HttpMethod.Post, $"/api/v1/assets/{asset}/requests/{request}/uses/{use}/failure", failure, ct);

    /// <summary>The encrypted result of a use, for its buyer.</summary>
    public Task<byte[]> SealedResultAsync(Address asset, Hash32 request, uint use, SigningKey buyer, CancellationToken ct) => UnderSessionAsync(buyer, async token =>
    {
        using var message = Get($"/api/v1/assets/{asset}/requests/{request}/uses/{use}/result", token);
        return await DownloadAsync(message, MaxAnswer, ct);
    }, ct);

    public Task<AnnounceResponse> AnnounceAsync(Address asset, AnnounceRequest request, CancellationToken ct) =>
        SendAsync<AnnounceResponse>(HttpMethod.Post, $"/api/v1/assets/{asset}/contributions", request, ct);

    public Task SetManifestAsync(Hash32 contribution, ManifestRequest request, CancellationToken ct) =>
        SendAsync(HttpMethod.Put, $"/api/v1/contributions/{contribution}/manifest", request, ct);

    public Task CompleteAsync(Hash32 contribution, CancellationToken ct) =>
        SendAsync(HttpMethod.Post, $"/api/v1/contributions/{contribution}/complete", null, ct);

    public Task<TransactionInfo> WithdrawAsync(Hash32 contribution, WithdrawRequest request, CancellationToken ct) =>
        SendAsync<TransactionInfo>(HttpMethod.Post, $"/api/v1/contributions/{contribution}/withdrawal", request, ct);

    public Task<ContributionInfo> ContributionAsync(Hash32 contribution, CancellationToken ct) =>
        GetAsync<ContributionInfo>($"/api/v1/contributions/{contribution}", ct);

    /// <summary>A contribution with what only its owner is shown.</summary>
    public Task<ContributionInfo> ContributionAsync(Hash32 contribution, SigningKey owner, CancellationToken ct) =>
        UnderSessionAsync(owner, async token => (await GetPageAsync<ContributionInfo>($"/api/v1/contributions/{contribution}", token, ct)).Body, ct);

    public Task<List<ContributionInfo>> ContributionsAsync(Address asset, Address? owner, CancellationToken ct) =>
        ListAsync<ContributionInfo>($"/api/v1/assets/{asset}/contributions?limit=200{(owner is { } o ? $"&owner={o}" : "")}", ct);

    /// <summary>An owner's contributions with what only the owner is shown.</summary>
    public Task<List<ContributionInfo>> ContributionsAsync(Address asset, SigningKey owner, CancellationToken ct) => UnderSessionAsync(owner, token =>
        ListAsync<ContributionInfo>($"/api/v1/assets/{asset}/contributions?limit=200&owner={owner.Address}", ct, token), ct);

    /// <summary>
    /// Signs in with a key (EIP-4361). What needs a session takes the key and does this by itself; sessions are kept in this
    /// client for as long as the node takes them.
    /// </summary>
    public async Task<SessionInfo> SignInAsync(SigningKey key, CancellationToken ct)
    {
        for (int attempt = 1; ; attempt++)
        {
            var nonce = await SendAsync<SignInNonce>(HttpMethod.Post, "/api/v1/sessions/nonces", null, ct);
            var text = new SignInMessage(null, Node.Authority, key.Address, "Sign in to this Trove node to read what is yours.", new Uri(Node, "/").ToString(), nonce.ChainId, nonce.Nonce,
                DateTimeOffset.UtcNow).ToString();
            try
            {
                return await SendAsync<SessionInfo>(HttpMethod.Post, "/api/v1/sessions/", new SignInRequest(text, Hex.Encode(key.Sign(Eip191.Digest(text)))), ct);
            }
            catch (TroveApiException e) when (e.Code == "nonce-used" && attempt < Tries)
            {
                // The token went with a lost answer: nobody has it, and the session ends by itself.
            }
        }
    }

    /// <summary>Ends all sessions of this client.</summary>
    public async Task SignOutAsync(CancellationToken ct)
    {
        foreach (var (address, session) in _sessions)
        {
            using var message = new HttpRequestMessage(HttpMethod.Delete, "/api/v1/sessions/current");
            message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", session.Token);
            (await SendMessageAsync(message, HttpCompletionOption.ResponseContentRead, ct)).Dispose();
            _sessions.TryRemove(address, out _);
        }
    }

    public async Task<VerifierWork?> NextWorkAsync(VerifierRequest request, CancellationToken ct)
    {
        using var response = await SendOnceAsync(HttpMethod.Post, "/api/v1/verifier/work", request, null, ct);
        return response.StatusCode == HttpStatusCode.NoContent ? null : await ReadAsync<VerifierWork>(response, ct);
    }

    public Task HeartbeatAsync(string lease, VerifierRequest request, CancellationToken ct) =>
        SendAsync(HttpMethod.Post, $"/api/v1/verifier/leases/{lease}/heartbeat", request, ct);

    public Task GiveBackAsync(string lease, VerifierRequest request, CancellationToken ct) =>
        SendAsync(HttpMethod.Delete, $"/api/v1/verifier/leases/{lease}", request, ct);

    /// <summary>The sealed evidence, at most <paramref name="limit"/> bytes, held in memory.</summary>
    public async Task<byte[]> EvidenceAsync(Hash32 contribution, VerifierRequest request, long limit, CancellationToken ct)
    {
        using var message = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/contributions/{contribution}/evidence")
        {
            Content = JsonContent.Create(request, options: TroveJson.Options),
        };
        return await DownloadAsync(message, limit, ct);
    }

    /// <summary>A part's ciphertext, at most <paramref name="limit"/> bytes, held in memory.</summary>
    public async Task<byte[]> BlobAsync(Hash32 sha256, long limit, CancellationToken ct)
    {
        using var message = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/blobs/{sha256.ToHex()}");
        return await DownloadAsync(message, limit, ct);
    }

    public Task AttestAsync(Hash32 contribution, AttestRequest request, CancellationToken ct) =>
        SendAsync(HttpMethod.Post, $"/api/v1/contributions/{contribution}/attestations", request, ct);

    public Task RefuseAsync(Hash32 contribution, RefuseRequest request, CancellationToken ct) =>
        SendAsync(HttpMethod.Post, $"/api/v1/contributions/{contribution}/refusals", request, ct);

    /// <summary>A tag list, of at most <see cref="VerificationService.MaxTagBytes"/>.</summary>
    /// <param name="hash">Its hash, which the caller checks.</param>
    /// <param name="ct">Ends reading.</param>
    /// <param name="reading">Told how many bytes came, as they come; what it throws ends reading.</param>
    public async Task<byte[]> TagsAsync(Hash32 hash, CancellationToken ct, Action<int>? reading = null)
    {
        using var message = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/tags/{hash}");
        return await DownloadAsync(message, VerificationService.MaxTagBytes, ct, reading);
    }

    public Task<EpochInfo> CloseEpochAsync(Address asset, CloseEpochRequest request, CancellationToken ct) =>
        SendAsync<EpochInfo>(HttpMethod.Post, $"/api/v1/assets/{asset}/epochs", request, ct);

    public Task<List<EpochInfo>> EpochsAsync(Address asset, CancellationToken ct) =>
        ListAsync<EpochInfo>($"/api/v1/assets/{asset}/epochs?limit=200", ct);

    public Task<EpochInfo> EpochAsync(Address asset, ulong number, CancellationToken ct) =>
        GetAsync<EpochInfo>($"/api/v1/assets/{asset}/epochs/{number}", ct);

    public Task<List<RewardInfo>> RewardsAsync(Address asset, ulong number, CancellationToken ct) =>
        ListAsync<RewardInfo>($"/api/v1/assets/{asset}/epochs/{number}/rewards?limit=200", ct);

    public Task SignEpochAsync(Address asset, ulong number, SignEpochRequest request, CancellationToken ct) =>
        SendAsync(HttpMethod.Post, $"/api/v1/assets/{asset}/epochs/{number}/signatures", request, ct);

    public Task<TransactionInfo> PayAsync(Address asset, DividendRequest request, CancellationToken ct) =>
        SendAsync<TransactionInfo>(HttpMethod.Post, $"/api/v1/assets/{asset}/dividends", request, ct);

    public Task<BalanceInfo> ClaimAsync(Address asset, ClaimRequest request, CancellationToken ct) =>
        SendAsync<BalanceInfo>(HttpMethod.Post, $"/api/v1/assets/{asset}/claims", request, ct);

    public Task<MoneyInfo> MoneyAsync(Address asset, CancellationToken ct) => GetAsync<MoneyInfo>($"/api/v1/assets/{asset}/money", ct);

    public Task<BalanceInfo> BalanceAsync(Address asset, Address owner, CancellationToken ct) =>
        GetAsync<BalanceInfo>($"/api/v1/assets/{asset}/balances/{owner}", ct);

    public Task<PayoutInfo> PayoutAsync(Address asset, string payout, CancellationToken ct) =>
        GetAsync<PayoutInfo>($"/api/v1/assets/{asset}/payouts/{Uri.EscapeDataString(payout)}", ct);

    public Task<PayoutInfo> PendingAsync(Address asset, Address owner, CancellationToken ct) =>
        GetAsync<PayoutInfo>($"/api/v1/assets/{asset}/balances/{owner}/pending", ct);

    public Task<TransactionInfo> FaucetAsync(FaucetRequest request, CancellationToken ct) =>
        SendAsync<TransactionInfo>(HttpMethod.Post, "/api/v1/test-dollars", request, ct);

    /// <summary>How much of each blob the node has.</summary>
    public Task<BlobList> BlobsAsync(Hash32 contribution, CancellationToken ct) =>
        GetAsync<BlobList>($"/api/v1/contributions/{contribution}/blobs", ct);

    /// <summary>Sends one piece; the answer is how many bytes the node has now, on disk.</summary>
    public async Task<long> PutPieceAsync(Hash32 contribution, Hash32 sha256, long offset, ReadOnlyMemory<byte> piece, string token, CancellationToken ct)
    {
        using var message = new HttpRequestMessage(HttpMethod.Put, $"/api/v1/contributions/{contribution}/blobs/{sha256.ToHex()}?offset={offset}")
        {
            Content = new ReadOnlyMemoryContent(piece),
        };
        message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var response = await SendMessageAsync(message, HttpCompletionOption.ResponseContentRead, ct);
        return (await ReadAsync<BlobProgress>(response, ct)).Received;
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private async Task<T> GetAsync<T>(string path, CancellationToken ct) => (await GetPageAsync<T>(path, null, ct)).Body;

    // Follows Link: rel="next" to the end. A node that always names another page does not keep its client for ever.
    private async Task<List<T>> ListAsync<T>(string path, CancellationToken ct, string? token = null)
    {
        var list = new List<T>();
        string? next = path;
        for (int page = 0; next is not null; page++)
        {
            if (page == MaxPages)
                throw new TroveApiException(0, "too-large", $"the list {path} has more than {MaxPages} pages", "tell the node's operator");
            (var items, next) = await GetPageAsync<List<T>>(next, token, ct);
            list.AddRange(items);
        }
        return list;
    }

    // Only a path of this node is followed: a link must not lead a client, and later its session, elsewhere.
    private static string? NextPage(HttpResponseMessage response) => response.Headers.TryGetValues("Link", out var links)
        && links.First().Split('>') is [['<', '/', .. var path], "; rel=\"next\""] && path.StartsWith("api/v1/", StringComparison.Ordinal) ? "/" + path : null;

    private async Task<(T Body, string? Next)> GetPageAsync<T>(string path, string? token, CancellationToken ct)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                using var message = Get(path, token);
                using var response = await SendMessageAsync(message, HttpCompletionOption.ResponseContentRead, ct);
                return (await ReadAsync<T>(response, ct), NextPage(response));
            }
            catch (TroveApiException e) when (e.Status is 0 or 503 && attempt < Tries && (_longRunning || e.Code != NobodyListens))
            {
                await Task.Delay(TimeSpan.FromMilliseconds(200 << attempt), ct);
            }
        }
    }

    // A session that the node has ended is begun once more.
    private async Task<T> UnderSessionAsync<T>(SigningKey key, Func<string, Task<T>> read, CancellationToken ct)
    {
        if (_sessions.TryGetValue(key.Address, out var session))
            try
            {
                return await read(session.Token);
            }
            catch (TroveApiException e) when (e.Status == 401)
            {
                _sessions.TryRemove(key.Address, out _);
            }
        return await read((_sessions[key.Address] = await SignInAsync(key, ct)).Token);
    }

    private static HttpRequestMessage Get(string path, string? token)
    {
        var message = new HttpRequestMessage(HttpMethod.Get, path);
        if (token is not null)
            message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return message;
    }

    private async Task<T> SendAsync<T>(HttpMethod method, string path, object? body, CancellationToken ct)
    {
        using var response = await SendOnceForAllAsync(method, path, body, ct);
        return await ReadAsync<T>(response, ct);
    }

    private async Task SendAsync(HttpMethod method, string path, object? body, CancellationToken ct) =>
        (await SendOnceForAllAsync(method, path, body, ct)).Dispose();

    private static HttpContent? Content(object? body) => body is null ? null : JsonContent.Create(body, body.GetType(), options: TroveJson.Options);

    // A POST has a key of its own, so that the node does it once however often it is sent: what breaks off is sent again.
    private async Task<HttpResponseMessage> SendOnceForAllAsync(HttpMethod method, string path, object? body, CancellationToken ct)
    {
        string? key = method == HttpMethod.Post ? $"\"{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32))}\"" : null;
        long since = System.Diagnostics.Stopwatch.GetTimestamp();
        for (int attempt = 1; ;)
        {
            try
            {
                return await SendOnceAsync(method, path, body, key, ct);
            }
            catch (TroveApiException e) when (key is not null && attempt < Tries && e.Status is (0 or 503) && (_longRunning || e.Code != NobodyListens))
            {
                await Task.Delay(TimeSpan.FromMilliseconds(200 << attempt++), ct);
            }
            // It was taken before the connection broke: who gives up now and asks anew may pay twice.
            catch (TroveApiException e) when (e.Code == "in-progress")
            {
                if (System.Diagnostics.Stopwatch.GetElapsedTime(since) > InProgressPatience)
                    throw new TroveApiException(e.Status, e.Code, "the node took the request and has not finished it yet", "look whether it worked before you try again");
                await Task.Delay(InProgressPause, ct);
            }
        }
    }

    private async Task<HttpResponseMessage> SendOnceAsync(HttpMethod method, string path, object? body, string? key, CancellationToken ct)
    {
        using var message = new HttpRequestMessage(method, path) { Content = Content(body) };
        if (key is not null)
            message.Headers.Add("Idempotency-Key", key);
        return await SendMessageAsync(message, HttpCompletionOption.ResponseContentRead, ct);
    }

    private async Task<byte[]> DownloadAsync(HttpRequestMessage message, long limit, CancellationToken ct, Action<int>? reading = null)
    {
        using var response = await SendMessageAsync(message, HttpCompletionOption.ResponseHeadersRead, ct);
        await using var stream = await response.Content.ReadAsStreamAsync(ct);
        // One block of the size that it says, within the limit: growing would hold a large file twice.
        using var memory = new MemoryStream((int)Math.Clamp(response.Content.Headers.ContentLength ?? 0, 0, Math.Min(limit, Array.MaxLength)));
        var buffer = new byte[128 * 1024];
        int read;
        while ((read = await ReadAsync()) > 0)
        {
            if (memory.Length + read > limit)
                throw new TroveApiException(0, "too-large", $"the answer to {message.RequestUri} is larger than the {limit} bytes it should have", "tell the node's operator");
            reading?.Invoke(read);
            memory.Write(buffer, 0, read);
        }
        return memory.Length == memory.Capacity ? memory.GetBuffer() : memory.ToArray();

        async ValueTask<int> ReadAsync()
        {
            try
            {
                return await stream.ReadAsync(buffer, ct);
            }
            catch (IOException e)
            {
                throw new TroveApiException(0, "unreachable", $"the node at {Node} broke off its answer: {e.Message}", "try again");
            }
        }
    }

    private async Task<HttpResponseMessage> SendMessageAsync(HttpRequestMessage message, HttpCompletionOption completion, CancellationToken ct)
    {
        HttpResponseMessage response;
        try
        {
            response = await _http.SendAsync(message, completion, ct);
        }
        catch (HttpRequestException e)
        {
            string code = e.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionRefused } ? NobodyListens : "unreachable";
            throw new TroveApiException(0, code, $"the node at {Node} cannot be reached: {e.Message}", "start it with 'trove node', or name another with --node");
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new TroveApiException(0, "unreachable", $"the node at {Node} gives no answer within {_http.Timeout.TotalMinutes:0} minutes", "try again, or name another with --node");
        }
        if (response.IsSuccessStatusCode)
            return response;
        using (response)
            throw await ReadProblemAsync(response, ct);
    }

    private static async Task<T> ReadAsync<T>(HttpResponseMessage response, CancellationToken ct)
    {
        try
        {
            return await response.Content.ReadFromJsonAsync<T>(TroveJson.Options, ct)
                ?? throw new JsonException("the answer is empty");
        }
        // InvalidOperationException: an encoding that there is not.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new TroveApiException((int)response.StatusCode, "bad-answer", $"the node's answer cannot be read: {e.Message}", "check that client and node have the same version");
        }
    }

    private static async Task<TroveApiException> ReadProblemAsync(HttpResponseMessage response, CancellationToken ct)
    {
        int status = (int)response.StatusCode;
        try
        {
            using var problem = await JsonDocument.ParseAsync(await response.Content.ReadAsStreamAsync(ct), new JsonDocumentOptions { MaxDepth = 8 }, ct);
            string Text(string name, string otherwise) =>
                problem.RootElement.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : otherwise;
            long? received = problem.RootElement.TryGetProperty("received", out var r) && r.ValueKind == JsonValueKind.Number && r.TryGetInt64(out long n) ? n : null;
            return new TroveApiException(status, Text("type", "unknown").Split(':')[^1], Text("detail", $"the node answered {status}"),
                Text("nextStep", "see the node's log"), received);
        }
        // No JSON, no object, or text that is no Unicode, which is noticed when it is read.
        catch (Exception e) when (e is JsonException or InvalidOperationException or IOException)
        {
            return new TroveApiException(status, "unknown", $"the node answered {status} without an explanation", "check that the address is a Trove node's");
        }
    }
}
