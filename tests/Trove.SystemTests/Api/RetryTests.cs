using System.Net.Http.Json;
using System.Text.Json;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Database;
using Trove.Node.Protocol;

namespace Trove.SystemTests.Api;

/// <summary>What was signed once is good until it has succeeded once: through a relayer that refuses, answers that are lost and clients that hang up.</summary>
public sealed class RetryTests(ApiFixture api)
{
    private const long BudgetLock = 7236402; // RelayJournal's: who has it holds the relayer before its journal

    private static readonly Money Amount = new(7_000_000);

    [Fact]
    public async Task A_request_that_the_relayer_refused_may_be_sent_again_as_it_is()
    {
        await api.ReadyAsync();
        using var key = SigningKey.Generate();
        var request = Faucet(key);
        await SpendBudgetAsync(Database, key.Address);
        for (int i = 0; i < 2; i++)
            await SignedRequestTests.RefusedAsync("gas-budget", () => api.Client.FaucetAsync(request, default));
        // Not another one under its nonce, meanwhile.
        await SignedRequestTests.RefusedAsync("nonce-used", () => api.Client.FaucetAsync(Faucet(key, request.Nonce, new Money(8)), default));
        await GiveBudgetAsync(Database, key.Address);
        await api.Client.FaucetAsync(request, default);
        await SignedRequestTests.RefusedAsync("nonce-used", () => api.Client.FaucetAsync(request, default));
        Assert.Equal(Amount.Units, await BalanceAsync(key.Address));
    }

    [Fact]
    public async Task A_request_whose_node_died_after_the_block_and_before_it_said_so_finds_its_transaction()
    {
        await api.ReadyAsync();
        using var key = SigningKey.Generate();
        var request = Faucet(key);
        var mined = await api.Client.FaucetAsync(request, default);
        await using var connection = await Database.Source.OpenConnectionAsync();
        var digest = Messages.TestDollars(Messages.Domain(api.Info.ChainId, api.Info.Factory), key.Address, Amount, request.Nonce, request.Deadline);
        Assert.Equal(1, await connection.ExecuteAsync("update used_nonce set working = @digest where signer = @signer and nonce = @Nonce", new { digest, signer = key.Address, request.Nonce }));
        var again = await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            try
            {
                return await api.Client.FaucetAsync(request, default);
            }
            catch (TroveApiException e) when (e.Code == "nonce-used")
            {
                return mined; // another of the four was faster
            }
        }));
        Assert.All(again, t => Assert.Equal(mined, t));
        Assert.Equal(Amount.Units, await BalanceAsync(key.Address));
    }

    [Fact]
    public async Task Work_under_a_key_goes_on_when_its_client_hangs_up_and_keeps_its_answer()
    {
        await api.ReadyAsync();
        using var key = SigningKey.Generate();
        var request = Faucet(key);
        var idempotencyKey = $"\"{Guid.NewGuid()}\"";
        await using var watching = await Database.Source.OpenConnectionAsync();
        await using (var holding = await Database.Source.OpenConnectionAsync())
        await using (var held = await holding.BeginTransactionAsync())
        {
            await holding.ExecuteAsync("select pg_advisory_xact_lock(@BudgetLock)", new { BudgetLock }, held);
            using var hangUp = new CancellationTokenSource();
            var sending = PostAsync(request, idempotencyKey, hangUp.Token);
            while (await watching.ExecuteScalarAsync<int>("select count(*)::int from used_nonce where signer = @signer and working is not null", new { signer = key.Address }) == 0)
                await Task.Delay(20);
            await hangUp.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
            await NoticedAsync();
            await held.RollbackAsync();
        }
        for (int i = 0; await watching.ExecuteScalarAsync<int>("select count(*)::int from used_nonce where signer = @signer and working is null", new { signer = key.Address }) == 0; i++)
        {
            Assert.True(i < 6000, "the work was broken off");
            await Task.Delay(20);
        }
        using var answer = await PostUntilDoneAsync(request, idempotencyKey);
        var told = JsonSerializer.Deserialize<TransactionInfo>(await answer.Content.ReadAsStringAsync(), TroveJson.Options)!;
        using var chain = new EthClient(new Uri(api.Client.Node, api.Info.Rpc));
        Assert.True((await chain.GetTransactionReceiptAsync(told.Transaction))!.Success);
        Assert.Equal(Amount.Units, await BalanceAsync(key.Address));
    }

    // Who is told so may not give up after a few tries and ask anew: a buyer would pay twice.
    [Fact]
    public async Task What_is_still_worked_on_is_waited_for_under_the_same_key()
    {
        var keys = new List<string>();
        using var client = new TroveClient(new Uri("http://busy.node/"), false, new Busy(keys));
        var told = await client.FaucetAsync(new FaucetRequest(default, Amount, default, 0, "0x"), default);
        Assert.Equal(Hash32.Parse("0x" + new string('7', 64)), told.Transaction);
        Assert.Equal(8, keys.Count);
        Assert.Single(keys.Distinct());
    }

    private sealed class Busy(List<string> keys) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            keys.Add(request.Headers.GetValues("Idempotency-Key").Single());
            return Task.FromResult(keys.Count < 8
                ? new HttpResponseMessage(System.Net.HttpStatusCode.Conflict) { Content = JsonContent.Create(new { type = "urn:trove:in-progress", detail = "the first request is still worked on" }) }
                : new HttpResponseMessage { Content = JsonContent.Create(new { transaction = "0x" + new string('7', 64), block = 1, gas = 1 }) });
        }
    }

    /// <summary>Uses up what the relayer pays for somebody today.</summary>
    internal static async Task SpendBudgetAsync(NodeDatabase database, Address beneficiary)
    {
        await using var connection = await database.Source.OpenConnectionAsync();
        await connection.ExecuteAsync("""
            insert into relay_spent (beneficiary, hour, cost) values (@beneficiary, date_trunc('hour', now()) + interval '1 minute', 1e30)
            """, new { beneficiary });
    }

    /// <summary>Takes that back.</summary>
    internal static async Task GiveBudgetAsync(NodeDatabase database, Address beneficiary)
    {
        await using var connection = await database.Source.OpenConnectionAsync();
        await connection.ExecuteAsync("delete from relay_spent where beneficiary = @beneficiary", new { beneficiary });
    }

    private NodeDatabase Database => api.Node.Services.GetRequiredService<NodeDatabase>();

    private async Task<UInt128> BalanceAsync(Address owner)
    {
        using var chain = new EthClient(new Uri(api.Client.Node, api.Info.Rpc));
        return (UInt128)await new TestDollar(api.Info.PaymentToken).BalanceOfAsync(chain, owner);
    }

    private async Task<HttpResponseMessage> PostAsync(FaucetRequest request, string key, CancellationToken ct)
    {
        using var message = new HttpRequestMessage(HttpMethod.Post, "/api/v1/test-dollars") { Content = JsonContent.Create(request, options: TroveJson.Options) };
        message.Headers.Add("Idempotency-Key", key);
        return await api.Http.SendAsync(message, ct);
    }

    // A connection that is closed is noticed in the order of closing; this one is closed after the client's.
    private async Task NoticedAsync()
    {
        using var http = new HttpClient { BaseAddress = api.Http.BaseAddress };
        for (int i = 0; i < 5; i++)
            using (await http.GetAsync(new Uri("/health", UriKind.Relative)))
                await Task.Delay(20);
    }

    // The answer is kept a moment after the work is done.
    private async Task<HttpResponseMessage> PostUntilDoneAsync(FaucetRequest request, string key)
    {
        for (int i = 0; ; i++)
        {
            var answer = await PostAsync(request, key, default);
            if (answer.IsSuccessStatusCode)
                return answer;
            Assert.Contains("in-progress", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
            Assert.True(i < 6000, "never done");
            answer.Dispose();
            await Task.Delay(20);
        }
    }

    private FaucetRequest Faucet(SigningKey key, Hash32? nonce = null, Money? amount = null)
    {
        var (once, deadline, money) = (nonce ?? Member.Fresh(), Member.Soon(), amount ?? Amount);
        return new FaucetRequest(key.Address, money, once, deadline,
            Hex.Encode(key.Sign(Messages.TestDollars(Messages.Domain(api.Info.ChainId, api.Info.Factory), key.Address, money, once, deadline))));
    }
}
