using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Dapper;
using Microsoft.AspNetCore.Http;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Api;
using Trove.Node.Chain;
using Trove.Node.Database;
using Trove.Node.Protocol;

namespace Trove.Node.Sessions;

/// <summary>
/// Sessions of wallets (EIP-4361): a nonce from here, a signed message, and a token of an hour. The token is a random 256-bit
/// number of which only the SHA-256 is kept. A session reads what is its address's; whatever changes anything is signed by itself.
/// </summary>
public sealed class SessionService(NodeDatabase database, ChainService chain, TimeProvider clock, PublicSite names)
{
    /// <summary>Life of a session.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromHours(1);

    /// <summary>Life of a nonce, and how far a wallet's clock may be off.</summary>
    public static readonly TimeSpan NonceLife = TimeSpan.FromMinutes(10);

    /// <summary>Sessions of one address at a time; the oldest makes room.</summary>
    public const int SessionsOfOneAddress = 50;

    private const string Bearer = "Bearer ";
    private byte[]? _secret;

    /// <summary>
    /// A nonce that this node will take once. It authenticates itself, so that asking for millions keeps nothing: 8 random
    /// bytes, when it ends, and 16 bytes of HMAC-SHA-256 over both, as hex.
    /// </summary>
    public async Task<SignInNonce> NonceAsync(CancellationToken ct)
    {
        var bytes = new byte[32];
        RandomNumberGenerator.Fill(bytes.AsSpan(0, 8));
        var expires = clock.GetUtcNow() + NonceLife;
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(8), expires.ToUnixTimeSeconds());
        HMACSHA256.HashData(await SecretAsync(ct), bytes.AsSpan(0, 16)).AsSpan(0, 16).CopyTo(bytes.AsSpan(16));
        return new SignInNonce(Convert.ToHexStringLower(bytes), chain.ChainId, expires.ToUnixTimeSeconds());
    }

    /// <summary>Signs in.</summary>
    /// <param name="request">The message and its signature.</param>
    /// <param name="site">Scheme and authority that the client reached this node under.</param>
    public async Task<SessionInfo> SignInAsync(SignInRequest request, Uri site, CancellationToken ct)
    {
        var message = SignInMessage.TryParse(request.Message) ?? throw ApiException.Invalid("this is no sign-in message of EIP-4361", "build it with the nonce from /api/v1/sessions/nonces, line by line as the EIP has it");
        if (!site.IsAbsoluteUri || !names.Is(site))
            throw new ApiException(403, "unknown-site", $"this node does not know itself as {site.Authority}", "reach it under its own address; its operator names it with --public-url");
        // Else another site could have its visitors sign in here for it.
        if (!message.Domain.Equals(site.Authority, StringComparison.OrdinalIgnoreCase) || (message.Scheme is { } scheme && !scheme.Equals(site.Scheme, StringComparison.OrdinalIgnoreCase))
            || !Uri.TryCreate(message.Uri, UriKind.Absolute, out var uri) || !uri.Authority.Equals(site.Authority, StringComparison.OrdinalIgnoreCase))
            throw new ApiException(403, "other-site", $"the message signs in to another site than {site.Authority}", "sign only what this node's own address is in");
        if (message.ChainId != chain.ChainId)
            throw new ApiException(403, "other-chain", $"the message is for chain {message.ChainId}, and this node is on {chain.ChainId}", "choose that network in the wallet");
        var now = clock.GetUtcNow();
        if (message.IssuedAt > now + NonceLife || message.IssuedAt < now - NonceLife || message.NotBefore > now || message.ExpirationTime <= now)
            throw new ApiException(403, "expired", "the message is not valid at this time", "sign a new one; if that does not help, set this machine's clock");
        long nonceExpires = await ReadNonceAsync(message.Nonce, ct);
        Signatures.Require(message.Address, Eip191.Digest(request.Message), request.Signature);

        var token = RandomNumberGenerator.GetBytes(32);
        var expires = now + Life;
        if (message.ExpirationTime is { } end && end < expires)
            expires = end;
        await database.TransactAsync(async tx =>
        {
            await Signatures.TakeNonceAsync(tx, message.Address, new Hash32(SHA256.HashData(Encoding.ASCII.GetBytes(message.Nonce))), nonceExpires);
            await tx.Connection!.ExecuteAsync("insert into session (token, address, expires) values (@token, @address, @expires)", new { token = SHA256.HashData(token), address = message.Address, expires }, tx);
            await tx.Connection!.ExecuteAsync("""
                delete from session where token in (select token from session where address = @address order by expires desc, token offset @most)
                """, new { address = message.Address, most = SessionsOfOneAddress }, tx);
        }, ct);
        return new SessionInfo(Convert.ToHexStringLower(token), message.Address, expires.ToUnixTimeSeconds());
    }

    /// <summary>Whose session the request is under; null without a token.</summary>
    /// <exception cref="ApiException">There is a token, and it is of no session: 401.</exception>
    public async Task<Address?> WhoAsync(HttpContext context, CancellationToken ct)
    {
        if (Token(context) is not { } token)
            return null;
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        if (await connection.QuerySingleOrDefaultAsync<byte[]>("select address from session where token = @token and expires > @now", new { token, now = clock.GetUtcNow() }) is not { } address)
            throw NotSignedIn(context, "the session is over, or never was");
        var who = new Address(address);
        RateLimits.CountKey(who);
        return who;
    }

    /// <summary>Whose session the request is under, or a refusal.</summary>
    public async Task<Address> RequireAsync(HttpContext context, CancellationToken ct) => await WhoAsync(context, ct) ?? throw NotSignedIn(context, "this is for whom it belongs to");

    /// <summary>Ends the session that the request is under.</summary>
    public async Task SignOutAsync(HttpContext context, CancellationToken ct)
    {
        await RequireAsync(context, ct);
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await connection.ExecuteAsync("delete from session where token = @token", new { token = Token(context) });
    }

    /// <summary>Deletes sessions that are over.</summary>
    public Task PruneAsync(CancellationToken ct) => database.PruneAsync("session", "expires < now()", null, ct);

    private static ApiException NotSignedIn(HttpContext context, string why)
    {
        context.Response.OnStarting(() =>
        {
            context.Response.Headers.WWWAuthenticate = "Bearer"; // RFC 6750, section 3; set late, an error's answer begins without headers
            return Task.CompletedTask;
        });
        return new ApiException(401, "not-signed-in", why, "sign in with the owner's key: POST /api/v1/sessions, then Authorization: Bearer TOKEN");
    }

    private static byte[]? Token(HttpContext context)
    {
        var header = context.Request.Headers.Authorization.ToString();
        if (header.Length == 0)
            return null;
        var token = new byte[32];
        return header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) && header.Length == Bearer.Length + 64 && Hex.TryDecode(header[Bearer.Length..], token)
            ? SHA256.HashData(token)
            : []; // of no session
    }

    private async Task<long> ReadNonceAsync(string nonce, CancellationToken ct)
    {
        var bytes = new byte[32];
        long expires = 0;
        if (nonce.Length == 64 && Hex.TryDecode(nonce, bytes)
            && CryptographicOperations.FixedTimeEquals(HMACSHA256.HashData(await SecretAsync(ct), bytes.AsSpan(0, 16)).AsSpan(0, 16), bytes.AsSpan(16)))
            expires = BinaryPrimitives.ReadInt64BigEndian(bytes.AsSpan(8));
        return expires >= clock.GetUtcNow().ToUnixTimeSeconds()
            ? expires
            : throw new ApiException(403, "bad-nonce", "the message's nonce is not from this node, or too old", "get one from /api/v1/sessions/nonces, and sign within ten minutes");
    }

    private async Task<byte[]> SecretAsync(CancellationToken ct)
    {
        if (_secret is not null)
            return _secret;
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await connection.ExecuteAsync("insert into session_secret (secret) values (@secret) on conflict do nothing", new { secret = RandomNumberGenerator.GetBytes(32) });
        return _secret = await connection.QuerySingleAsync<byte[]>("select secret from session_secret");
    }
}
