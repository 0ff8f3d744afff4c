using Microsoft.AspNetCore.Http;
using Trove.Node.Api;

namespace Trove.Node.Operations;

/// <summary>On an endpoint whose work ends in space being freed: it goes on a while longer when others are refused.</summary>
public sealed class FreesSpace;

/// <summary>
/// Refuses with 507, before a body is read, what would make the node keep more while its disk is nearly full. PostgreSQL ends when
/// it cannot write, so it must never come to that.
/// </summary>
public sealed class SpaceGuard(DiskSpace disk)
{
    /// <summary>Passes a request on, or refuses it.</summary>
    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        var method = context.Request.Method;
        // /rpc is a POST that mostly reads; the chain itself refuses what it has no room for.
        if (HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsDelete(method) || context.Request.Path == "/rpc"
            || disk.Free >= (context.GetEndpoint()?.Metadata.GetMetadata<FreesSpace>() is null ? disk.KeepFree : disk.KeepFreeForBlocks))
        {
            await next(context);
            return;
        }
        context.Response.Headers.RetryAfter = "60";
        await ApiProblem.Result(507, "no-space", "the node's disk is nearly full", "try again later or through another node; the operator has to make space").ExecuteAsync(context);
    }
}
