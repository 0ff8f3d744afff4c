using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Trove.Node.Api;
using Trove.Node.Protocol;

namespace Trove.Node.Sessions;

/// <summary>Signing in with a wallet, for reading what is private.</summary>
public static class SessionEndpoints
{
    /// <summary>Maps the endpoints.</summary>
    public static void MapSessions(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1/sessions").WithTags("Sessions");
        group.MapPost("/nonces", Nonce).WithoutIdempotencyKey().Named("createSignInNonce", "A nonce for one sign-in message.");
        group.MapPost("/", SignIn).WithoutIdempotencyKey().Named("signIn", "Signs in with a message of EIP-4361; the answer is a bearer token.");
        group.MapDelete("/current", SignOut).Named("signOut", "Ends the session that the request is under.");
    }

    private static async Task<Ok<SignInNonce>> Nonce(SessionService service, CancellationToken ct) => TypedResults.Ok(await service.NonceAsync(ct));

    private static async Task<Created<SessionInfo>> SignIn(SignInRequest request, HttpContext context, SessionService service, RateLimits limits, CancellationToken ct)
    {
        limits.SignIn(context);
        return TypedResults.Created("/api/v1/sessions/current", await service.SignInAsync(request, new Uri($"{context.Request.Scheme}://{context.Request.Host}"), ct));
    }

    private static async Task<NoContent> SignOut(HttpContext context, SessionService service, CancellationToken ct)
    {
        await service.SignOutAsync(context, ct);
        return TypedResults.NoContent();
    }
}
