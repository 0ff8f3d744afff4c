using System.Net;
using System.Text;
using Dapper;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Trove.Node.Api;

namespace Trove.SystemTests.Api;

/// <summary>Whose answer is kept for an Idempotency-Key, and which is not (specs/api.md).</summary>
public sealed class KeptAnswerTests(PostgresFixture postgres)
{
    private const string Key = "\"0123456789abcdef\"";

    [Theory]
    [InlineData(64 << 10, 1)]
    [InlineData((64 << 10) + 1, 2)]
    public async Task Answers_above_64_KiB_are_not_kept(int bytes, int worked)
    {
        await using var database = await postgres.OpenAsync();
        var answers = new Idempotency(database);
        int times = 0;
        for (int i = 0; i < 2; i++)
            Assert.Equal(bytes, (await AskAsync(answers, () =>
            {
                times++;
                return Task.FromResult<IResult>(TypedResults.Text(new string('x', bytes)));
            })).Length);
        Assert.Equal(worked, times);
        await using var connection = await database.Source.OpenConnectionAsync();
        Assert.Equal(2 - worked, await connection.ExecuteScalarAsync<int>("select count(*)::int from idempotency"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Who_was_taken_for_lost_and_comes_back_leaves_the_next_ones_answer_alone(bool succeeds)
    {
        await using var database = await postgres.OpenAsync();
        var answers = new Idempotency(database);
        TaskCompletionSource begun = new(), late = new();
        var lost = AskAsync(answers, async () =>
        {
            begun.SetResult();
            await late.Task;
            return succeeds ? TypedResults.Text("of the lost one") : throw new InvalidOperationException("it failed");
        });
        await begun.Task;
        Assert.Equal("in-progress", (await Assert.ThrowsAsync<ApiException>(() => AskAsync(answers, () => throw new InvalidOperationException()))).Code);
        await using (var connection = await database.Source.OpenConnectionAsync())
            await connection.ExecuteAsync("update idempotency set started_at = now() - @patience - interval '1 second'", new { patience = Idempotency.Patience });
        TaskCompletionSource begunAgain = new(), finish = new();
        var next = AskAsync(answers, async () =>
        {
            begunAgain.SetResult();
            await finish.Task;
            return TypedResults.Text("of the next one");
        });
        await begunAgain.Task;
        late.SetResult(); // while the next one works
        if (succeeds)
            Assert.Equal("of the lost one", await lost);
        else
            await Assert.ThrowsAsync<InvalidOperationException>(() => lost);
        Assert.Equal("in-progress", (await Assert.ThrowsAsync<ApiException>(() => AskAsync(answers, () => throw new InvalidOperationException()))).Code);
        finish.SetResult();
        Assert.Equal("of the next one", await next);
        Assert.Equal("of the next one", await AskAsync(answers, () => throw new InvalidOperationException("it was done")));
    }

    // Deterministic: the endpoint itself waits until the server has noticed.
    [Fact]
    public async Task Work_under_a_key_does_not_end_with_its_client()
    {
        await using var database = await postgres.OpenAsync();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        builder.Services.AddSingleton(database).AddSingleton<Idempotency>();
        await using var app = builder.Build();
        TaskCompletionSource begun = new();
        var ended = new TaskCompletionSource<bool>();
        app.MapGroup("").WithIdempotencyKeys().MapPost("/work", async (HttpContext context, CancellationToken ct) =>
        {
            var noticed = new TaskCompletionSource();
            await using var registration = context.RequestAborted.Register(noticed.SetResult);
            begun.SetResult();
            await noticed.Task;
            ended.SetResult(ct.IsCancellationRequested);
            return TypedResults.Ok("done");
        });
        await app.StartAsync();
        using var http = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
        using (var hangUp = new CancellationTokenSource())
        {
            var sending = SendAsync(http, hangUp.Token);
            await begun.Task;
            await hangUp.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
        }
        Assert.False(await ended.Task);
        for (int i = 0; ; i++)
        {
            using var answer = await SendAsync(http, default);
            if (answer.IsSuccessStatusCode)
            {
                Assert.Equal("\"done\"", await answer.Content.ReadAsStringAsync());
                break;
            }
            Assert.True(i < 6000, "the answer was not kept");
            await Task.Delay(20);
        }
    }

    private static async Task<HttpResponseMessage> SendAsync(HttpClient http, CancellationToken ct)
    {
        using var message = new HttpRequestMessage(HttpMethod.Post, "/work");
        message.Headers.Add("Idempotency-Key", Key);
        return await http.SendAsync(message, ct);
    }

    // One request under the key, from the same address each time.
    private static async Task<string> AskAsync(Idempotency answers, Func<Task<IResult>> work)
    {
        await using var services = new ServiceCollection().AddLogging().BuildServiceProvider();
        using var sent = new MemoryStream();
        var context = new DefaultHttpContext { RequestServices = services, Connection = { RemoteIpAddress = IPAddress.Loopback } };
        context.Request.Method = "POST";
        context.Response.Body = sent;
        await (await answers.OnceAsync(context, Key, null, work)).ExecuteAsync(context);
        return Encoding.UTF8.GetString(sent.ToArray());
    }
}
