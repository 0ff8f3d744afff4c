using Dapper;
using Npgsql;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Protocol;

namespace Trove.Node.Api;

/// <summary>Checks that a request speaks for whom it says: signature, deadline, and a nonce that was not used before.</summary>
public static class Signatures
{
    /// <summary>Refuses a digest that <paramref name="signer"/> did not sign.</summary>
    public static byte[] Require(Address signer, Hash32 digest, string signature)
    {
        var bytes = new byte[65];
        if (!Hex.TryDecode(signature, bytes))
            throw ApiException.Invalid("the signature is not 65 bytes as 0x text", "send r, s and v of a secp256k1 signature");
        if (Secp256k1.Recover(digest, bytes) != signer)
            throw new ApiException(403, "wrong-signature", $"the signature is not {signer}'s over this request",
                "sign exactly the fields that are sent, for this chain, asset and purpose, with that address's key");
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

    /// <summary>
    /// Takes the nonce in the caller's transaction, so that a replay fails and a failed request may be sent again.
    /// </summary>
    public static async Task TakeNonceAsync(NpgsqlTransaction tx, Address signer, Hash32 nonce, long deadline)
    {
        int taken = await tx.Connection!.ExecuteAsync(
            "insert into used_nonce (signer, nonce, expires) values (@signer, @nonce, to_timestamp(@deadline)) on conflict do nothing",
            new { signer, nonce, deadline }, tx);
        if (taken == 0)
            throw new ApiException(409, "nonce-used", $"{signer} has used nonce {nonce} before", "sign again with a fresh random nonce");
    }
}
