using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Dapper;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Trove.Node.Database;
using Trove.Node.Protocol;

namespace Trove.Node.Api;

/// <summary>
/// <c>Idempotency-Key</c> (draft-ietf-httpapi-idempotency-key-header-07): the first success of a key is kept in the database for a day, before
/// it is sent, and sent again to whoever repeats the request. What was refused changed nothing and is worked on anew.
/// </summary>
public sealed class Idempotency(NodeDatabase database)
{
    /// <summary>How long an answer is kept.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromHours(24);

    /// <summary>After this a request that was being worked on is taken for lost with its node.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    /// <summary>Keys of one address at a time: a stranger's cannot fill the disk.</summary>
    public const int KeysOfOneClient = 20_000;

    private const int MaxAnswer = 64 << 10;
    private static readonly byte[] Purpose = Encoding.ASCII.GetBytes("trove idempotency v1");

    private sealed record Answer(int Status, string? ContentType, string? Location, byte[] Body);

    private sealed class Row
    {
        public byte[] Fingerprint { get; init; } = [];
        public byte[]? Answer { get; init; }
        public bool Stale { get; init; }
    }

    /// <summary>Runs an endpoint once for a key, or repeats its answer.</summary>
    /// <param name="context">The request.</param>
    /// <param name="key">The header's value.</param>
    /// <param name="body">The request's document, as it was understood.</param>
    /// <param name="work">The endpoint.</param>
    public async Task<IResult> OnceAsync(HttpContext context, string key, object? body, Func<Task<IResult>> work)
    {
        if (key.Length is < 18 or > 130 || key[0] != '"' || key[^1] != '"' || key.AsSpan(1, key.Length - 2).ContainsAnyExceptInRange('#', '~') || key.Contains('\\', StringComparison.Ordinal))
            throw new ApiException(400, "bad-idempotency-key", "the Idempotency-Key is not a quoted text of 16 to 128 characters", "send a fresh random one, such as a UUID in quotation marks");
        var id = SHA256.HashData(Encoding.ASCII.GetBytes(key));
        var fingerprint = Fingerprint(context.Request, body);
        var attempt = Guid.NewGuid(); // who is taken for lost may come back, and must leave the next one's row alone
        if (await TakeAsync(id, attempt, fingerprint, RateLimits.AddressKey(context).ToArray(), context.RequestAborted) is { } kept)
            return new Repeated(Open(kept, key, fingerprint));
        bool done = false;
        try
        {
            var answer = await RecordAsync(context, await work());
            if (answer.Status < 300 && answer.Body.Length <= MaxAnswer)
            {
                await using var connection = await database.Source.OpenConnectionAsync(CancellationToken.None);
                await connection.ExecuteAsync("update idempotency set answer = @answer where key = @id and attempt = @attempt", new { id, attempt, answer = Seal(answer, key, fingerprint) });
                done = true;
            }
            return new Repeated(answer);
        }
        finally
        {
            if (!done)
            {
                await using var connection = await database.Source.OpenConnectionAsync(CancellationToken.None);
                await connection.ExecuteAsync("delete from idempotency where key = @id and attempt = @attempt and answer is null", new { id, attempt });
            }
        }
    }

    /// <summary>Deletes what has served its time.</summary>
    public Task PruneAsync(CancellationToken ct) => database.PruneAsync("idempotency", "started_at < now() - @kept", new { kept = Kept }, ct);

    // The kept answer; null when the key is this request's to work on.
    private Task<byte[]?> TakeAsync(byte[] id, Guid attempt, byte[] fingerprint, byte[] client, CancellationToken ct) => database.TransactAsync(async tx =>
    {
        var connection = tx.Connection!;
        if (await connection.ExecuteAsync("""
            insert into idempotency (key, attempt, client, fingerprint) select @id, @attempt, @client, @fingerprint
            where (select count(*) from idempotency where client = @client) < @most on conflict do nothing
            """, new { id, attempt, client, fingerprint, most = KeysOfOneClient }, tx) == 1)
            return null;
        var row = await connection.QuerySingleOrDefaultAsync<Row>(
            "select fingerprint, answer, started_at < now() - @patience as stale from idempotency where key = @id for update", new { id, patience = Patience }, tx)
            ?? throw new ApiException(429, "too-many-keys", $"this address has used {KeysOfOneClient} idempotency keys within a day", "send the request without one, or tomorrow");
        if (!CryptographicOperations.FixedTimeEquals(row.Fingerprint, fingerprint))
            throw new ApiException(422, "idempotency-key-reused", "this Idempotency-Key came with another request before", "use a fresh key for each request");
        if (row.Answer is null && !row.Stale)
            throw new ApiException(409, "in-progress", "the first request with this Idempotency-Key is still worked on", "ask again in a second with the same key");
        if (row.Answer is null)
            await connection.ExecuteAsync("update idempotency set started_at = now(), attempt = @attempt where key = @id", new { id, attempt }, tx);
        return row.Answer;
    }, ct);

    private static byte[] Fingerprint(HttpRequest request, object? body)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{request.Method} {request.Path}{request.QueryString}\n"));
        if (body is not null)
            hash.AppendData(JsonSerializer.SerializeToUtf8Bytes(body, body.GetType(), TroveJson.Options));
        return hash.GetHashAndReset();
    }

    // The answer as it would go out, without sending it: first it is made durable.
    private static async Task<Answer> RecordAsync(HttpContext context, IResult result)
    {
        var (response, sent) = (context.Response, context.Response.Body);
        using var body = new MemoryStream();
        try
        {
            response.Body = body;
            await result.ExecuteAsync(context);
            await response.BodyWriter.FlushAsync();
            return new Answer(response.StatusCode, response.ContentType, response.Headers.Location, body.ToArray());
        }
        finally
        {
            response.Body = sent;
        }
    }

    // An announcement's answer holds an upload token. The database keeps nothing that reads without the client's key.
    private static byte[] Seal(Answer answer, string key, byte[] fingerprint)
    {
        var plain = JsonSerializer.SerializeToUtf8Bytes(answer);
        var sealedAnswer = new byte[12 + plain.Length + 16];
        RandomNumberGenerator.Fill(sealedAnswer.AsSpan(0, 12));
        using var cipher = Cipher(key, fingerprint);
        cipher.Encrypt(sealedAnswer.AsSpan(0, 12), plain, sealedAnswer.AsSpan(12, plain.Length), sealedAnswer.AsSpan(12 + plain.Length));
        return sealedAnswer;
    }

    private static Answer Open(byte[] sealedAnswer, string key, byte[] fingerprint)
    {
        var plain = new byte[sealedAnswer.Length - 28];
        using var cipher = Cipher(key, fingerprint);
        cipher.Decrypt(sealedAnswer.AsSpan(0, 12), sealedAnswer.AsSpan(12, plain.Length), sealedAnswer.AsSpan(12 + plain.Length), plain);
        return JsonSerializer.Deserialize<Answer>(plain)!;
    }

    private static AesGcm Cipher(string key, byte[] fingerprint) => new(HKDF.DeriveKey(HashAlgorithmName.SHA256, Encoding.ASCII.GetBytes(key), 32, fingerprint, Purpose), 16);

    private sealed class Repeated(Answer answer) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            var response = httpContext.Response;
            (response.StatusCode, response.ContentType) = (answer.Status, answer.ContentType);
            if (answer.Location is not null)
                response.Headers.Location = answer.Location;
            if (answer.Body.Length == 0)
                return;
            response.ContentLength = answer.Body.Length;
            await response.Body.WriteAsync(answer.Body, httpContext.RequestAborted);
        }
    }
}

/// <summary>Puts idempotency keys before endpoints.</summary>
public static class IdempotencyKeys
{
    private sealed record Exempt;

    /// <summary>Honours the key of all <c>POST</c> endpoints of a group.</summary>
    public static RouteGroupBuilder WithIdempotencyKeys(this RouteGroupBuilder group) => group.AddEndpointFilter(async (context, next) =>
    {
        var (http, key) = (context.HttpContext, context.HttpContext.Request.Headers["Idempotency-Key"]);
        // A status here means that the request could not be read.
        if (!HttpMethods.IsPost(http.Request.Method) || key.Count == 0 || http.Response.StatusCode >= 400 || http.GetEndpoint()!.Metadata.GetMetadata<Exempt>() is not null)
            return await next(context);
        // Its answer is kept, so it is worked on to its end also when the client hangs up: nothing remains half done for the next try.
        for (int i = 0; i < context.Arguments.Count; i++)
            if (context.Arguments[i] is CancellationToken)
                context.Arguments[i] = CancellationToken.None;
        var body = context.Arguments.FirstOrDefault(a => a?.GetType().Namespace == typeof(AssetInfo).Namespace);
        return await http.RequestServices.GetRequiredService<Idempotency>().OnceAsync(http, key.ToString(), body, async () => (IResult)(await next(context))!);
    });

    /// <summary>The endpoint answers by the moment, or changes nothing: no answer of it is kept.</summary>
    public static RouteHandlerBuilder WithoutIdempotencyKey(this RouteHandlerBuilder endpoint) => endpoint.WithMetadata(new Exempt());
}
