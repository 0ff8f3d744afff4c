using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using Trove.Chain.Rpc;
using Trove.Node.Database;
using Trove.Node.Operations;
using Trove.Node.Vault;

namespace Trove.Node.Api;

/// <summary>Turns what ends a request into problem details. Nothing of a member's request is logged or sent back.</summary>
public static class Problems
{
    /// <summary>Handles exceptions of all endpoints, and answers without a body.</summary>
    public static void UseProblems(this WebApplication app)
    {
        app.UseExceptionHandler(new ExceptionHandlerOptions
        {
            ExceptionHandler = async context =>
            {
                var error = context.Features.Get<IExceptionHandlerFeature>()!.Error;
                var log = context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger("Trove.Node.Api");
                await Answer(error, log, context).ExecuteAsync(context);
            },
            SuppressDiagnosticsCallback = _ => true, // a refusal is no failure of the node; what is one is logged below
        });
        app.UseStatusCodePages(async context =>
        {
            int status = context.HttpContext.Response.StatusCode;
            await ApiProblem.Result(status, status == 404 ? "no-such-endpoint" : "refused", $"{context.HttpContext.Request.Method} on this path was answered with {status}",
                "see /api/v1/ and the documentation for what there is").ExecuteAsync(context.HttpContext);
        });
    }

    private static IResult Answer(Exception error, ILogger log, HttpContext context)
    {
        switch (error)
        {
            case ApiException e:
                Admission.SetRetryAfter(context, e.Status, e.RetryAfter ?? (e.Status == 429 ? TimeSpan.FromHours(1) : TimeSpan.FromSeconds(2)));
                return ApiProblem.Result(e.Status, e.Code, e.Message, e.NextStep);
            case VaultException e:
                Admission.SetRetryAfter(context, e.Error == VaultError.Quota ? 429 : 0, TimeSpan.FromMinutes(1));
                return VaultEndpoints.Problem(e);
            case BadHttpRequestException { InnerException: JsonException json }:
                return ApiProblem.Result(400, "bad-json", $"the body cannot be read at {json.Path ?? "its start"}", "send JSON as the API describes it; amounts and hashes are text");
            case BadHttpRequestException e:
                return ApiProblem.Result(e.StatusCode, "bad-request", e.StatusCode == 413 ? "the body is too large" : "the request cannot be read", "send what the API describes");
            // The size of a chunk is beyond all numbers: the one malformation that the server has no word of its own for.
            case IOException { InnerException: OverflowException }:
                return ApiProblem.Result(400, "bad-request", "the request cannot be read", "send what the API describes");
            case LeaseLostException:
                return ApiProblem.Result(409, "lease-lost", "the lease is over and the work may be with another", "ask for work again");
            case NpgsqlException { IsTransient: true } or NpgsqlException { InnerException: System.Net.Sockets.SocketException or IOException }: // no connection free in time, or the server is away
                log.LogWarning(LogEvents.RequestPutOff, "{Method} {Path} is put off: {Reason}", context.Request.Method, context.Request.Path, error.Message);
                Admission.SetRetryAfter(context, 503, TimeSpan.FromSeconds(1));
                return ApiProblem.Result(503, "database-away", "the node's database does not answer in time", "send it again in some seconds, or to another node; what was acknowledged is not lost");
            case RpcException { Failure: not RpcFailure.Reverted }:
                log.LogWarning(LogEvents.RequestPutOff, "{Method} {Path} is put off: {Reason}", context.Request.Method, context.Request.Path, error.Message);
                Admission.SetRetryAfter(context, 503, TimeSpan.FromSeconds(1));
                return ApiProblem.Result(503, "chain-away", "the node's chain does not answer at the moment", "send it again in some seconds, or to another node; what was acknowledged is not lost");
            case OperationCanceledException when context.RequestAborted.IsCancellationRequested:
                return Results.StatusCode(499);
            default:
                log.LogError(LogEvents.RequestFailed, error, "{Method} {Path} failed", context.Request.Method, context.Request.Path);
                return ApiProblem.Result(500, "internal", "the node failed at this request; its log has the details", "try again; if it stays, ask the node's operator");
        }
    }
}
