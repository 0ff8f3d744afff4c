using Dapper;
using Npgsql;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Database;
using Trove.Node.Protocol;

namespace Trove.Node.Api;

/// <summary>Checks that a request speaks for whom it says: signature, deadline, and a nonce that was not used before.</summary>
public static class Signatures
{
    /// <summary>Refuses a digest that <paramref name="signer"/> did not sign, and counts the request as one of that key.</summary>
    public static byte[] Require(Address signer, Hash32 digest, string signature)
    {
        var bytes = new byte[65];
        if (!Hex.TryDecode(signature, bytes))
            throw ApiException.Invalid("the signature is not 65 bytes as 0x text", "send r, s and v of a secp256k1 signature");
        if (Secp256k1.Recover(digest, bytes) != signer)
            throw new ApiException(403, "wrong-signature", $"the signature is not {signer}'s over this request",
                "sign exactly the fields that are sent, for this chain, asset and purpose, with that address's key");
        RateLimits.CountKey(signer);
        return bytes;
    }

    /// <summary>Refuses a deadline that has passed, or is so far away that the signature would lie around for days.</summary>
    public static void RequireDeadline(long deadline, TimeProvider clock)
    {
        long now = clock.GetUtcNow().ToUnixTimeSeconds();
        if (deadline < now)
            throw new ApiException(403, "expired", $"the signature's deadline {deadline} has passed; it is {now} s since 1970", "sign again; if that does not help, set this machine's clock");
        if (deadline > now + (long)Messages.MaxLifetime.TotalSeconds)
            throw new ApiException(403, "deadline-too-far", "the signature's deadline is more than 24 h away", "choose a nearer deadline");
    }

    /// <summary>Refuses a nonce that was taken, before work that takes a while; whoever does that work takes it at its end.</summary>
    public static async Task RequireFreshNonceAsync(NodeDatabase database, Address signer, Hash32 nonce, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        if (await connection.ExecuteScalarAsync<bool>("select exists (select from used_nonce where signer = @signer and nonce = @nonce)", new { signer, nonce }))
            throw NonceUsed(signer, nonce);
    }

    /// <summary>
    /// Takes the nonce in the caller's transaction, so that a replay fails and a failed request may be sent again.
    /// </summary>
    public static async Task TakeNonceAsync(NpgsqlTransaction tx, Address signer, Hash32 nonce, long deadline)
    {
        int taken = await tx.Connection!.ExecuteAsync(
            "insert into used_nonce (signer, nonce, expires) values (@signer, @nonce, to_timestamp(@deadline)) on conflict do nothing",
            new { signer, nonce, deadline }, tx);
        if (taken == 0)
            throw NonceUsed(signer, nonce);
    }

    /// <summary>
    /// Does work that is no transaction under a nonce. Until it has succeeded the very same request may be sent again: a busy relayer or
    /// a lost answer uses no signature up. So the work may be done twice, also at once, and finds done what is done. It does not end
    /// with its client.
    /// </summary>
    /// <param name="database">Where nonces are kept.</param>
    /// <param name="signer">Who signed.</param>
    /// <param name="nonce">The nonce of the signature.</param>
    /// <param name="deadline">When the signature ends, in seconds since 1970.</param>
    /// <param name="digest">What was signed.</param>
    /// <param name="work">The work.</param>
    /// <param name="ct">Ends what comes before the work.</param>
    /// <exception cref="ApiException">The nonce has served another request, or this one: nonce-used.</exception>
    public static async Task<T> UnderNonceAsync<T>(NodeDatabase database, Address signer, Hash32 nonce, long deadline, Hash32 digest, Func<Task<T>> work, CancellationToken ct)
    {
        int taken = await database.TransactAsync(tx => tx.Connection!.ExecuteAsync("""
            insert into used_nonce (signer, nonce, expires, working) values (@signer, @nonce, to_timestamp(@deadline), @digest)
            on conflict (signer, nonce) do update set working = @digest where used_nonce.working = @digest
            """, new { signer, nonce, deadline, digest }, tx), ct);
        if (taken == 0)
            throw NonceUsed(signer, nonce);
        var result = await work();
        await database.TransactAsync(tx => tx.Connection!.ExecuteAsync("update used_nonce set working = null where signer = @signer and nonce = @nonce", new { signer, nonce }, tx), CancellationToken.None);
        return result;
    }

    private static ApiException NonceUsed(Address signer, Hash32 nonce) =>
        new(409, "nonce-used", $"{signer} has used nonce {nonce} before", "sign again with a fresh random nonce");
}
