using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Trove.Node.Api;
using Trove.Node.Protocol;
using Trove.Node.Sessions;

namespace Trove.Node.Requests;

/// <summary>Requests, votes and uses.</summary>
public static class RequestEndpoints
{
    /// <summary>Maps the endpoints.</summary>
    public static void MapRequests(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1/assets/{asset}").WithTags("Requests");
        group.MapGet("/data", Data).Named("getData", "What is known of an asset's data without a grant.");
        group.MapGet("/requests", List).Named("listRequests", "Requests for an asset, oldest first.");
        group.MapPost("/requests", Request).Named("requestQuery", "A buyer asks for a query; the payment waits in escrow.");
        group.MapGet("/requests/{request}", Show).Named("getRequest", "A request and what became of it.");
        group.MapGet("/requests/{request}/inputs", Inputs).Named("getInputs", "All parts that a request could be answered from, with proofs.").WithoutEntityTag();
        group.MapGet("/proposals", Proposals).Named("listProposals", "Proposals of an asset, oldest first.");
        group.MapPost("/proposals", Propose).Named("propose", "Proposes to approve a request, to revoke a grant, to name the runners, to invite guardians or to pause.");
        group.MapGet("/proposals/{proposal}", Proposal).Named("getProposal", "A proposal and its votes.");
        group.MapGet("/calendar.ics", Calendar).Produces<string>(StatusCodes.Status200OK, "text/calendar").Named("getCalendar", "Ends of votes and earliest effects as a calendar (RFC 5545).");
        group.MapPost("/proposals/{proposal}/simulation", Simulate).WithoutIdempotencyKey().Named("simulateProposal", "Carries a proposal out on a copy of the chain, and tells what the contracts say before and after.");
        group.MapPost("/proposals/{proposal}/votes", Vote).Named("vote", "An owner votes.");
        group.MapPost("/proposals/{proposal}/execution", Execute).Named("executeProposal", "Queues and executes a proposal that succeeded, as far as its delay allows.");
        group.MapPost("/requests/{request}/uses", Open).Named("openUse", "A runner opens a use, or replaces its key.");
        group.MapGet("/requests/{request}/uses/{use}/answers", Answers).Named("listAnswers", "What guardians answered on a use.");
        group.MapPost("/requests/{request}/uses/{use}/answers", Answer).WithMetadata(new RequestSizeLimit(UseService.MaxSealed / 3 * 4 + (1 << 20))).Named("answerUse", "A guardian answers on a use, or refuses.");
        group.MapPost("/requests/{request}/uses/{use}/proofs", WantProofs).Named("wantProofs", "A runner wants proofs of correct share.");
        group.MapGet("/requests/{request}/uses/{use}/result", SealedResult).AnswersBytes().Immutable(everybody: false).Named("getResult", "The result of a use, an age file, for the signed-in buyer.");
        group.MapPut("/requests/{request}/uses/{use}/result", Result).WithMetadata(new RequestSizeLimit(UseService.MaxSealedResult / 3 * 4 + (1 << 20))).Named("putResult", "A runner posts a result, which pays the owners.");
        group.MapPost("/requests/{request}/uses/{use}/failure", Fail).Named("failUse", "A runner gives a use up.");
        // What is open is public on chain, so nobody signs to ask for it.
        routes.MapGet("/api/v1/guardians/{guardian}/work", GuardianWork).WithTags("Requests").Named("listGuardianWork", "Open uses that a guardian has not answered.");
        routes.MapGet("/api/v1/runners/{runner}/work", RunnerWork).WithTags("Requests").Named("listRunnerWork", "Grants and unfinished uses for a runner.");
    }

    private static async Task<Ok<DataInfo>> Data(string asset, RequestService service, CancellationToken ct) =>
        TypedResults.Ok(await service.DataAsync(Parse.Address(asset), ct));

    private static async Task<Ok<IReadOnlyList<RequestInfo>>> List(string asset, string? after, int? limit, HttpContext context, RequestService service, CancellationToken ct)
    {
        var page = PageRequest.Of(after, limit);
        return (await service.ListAsync(Parse.Address(asset), page, ct)).Answer(context, page);
    }

    private static async Task<Created<RequestInfo>> Request(string asset, QueryRequest request, RequestService service, CancellationToken ct)
    {
        var made = await service.RequestAsync(Parse.Address(asset), request, ct);
        return TypedResults.Created($"/api/v1/assets/{asset}/requests/{made.Request}", made);
    }

    private static async Task<Ok<RequestInfo>> Show(string asset, string request, RequestService service, CancellationToken ct) =>
        TypedResults.Ok(await service.ShowAsync(Parse.Address(asset), Parse.Hash(request), ct));

    private static async Task<Ok<InputsInfo>> Inputs(string asset, string request, RequestService service, CancellationToken ct) =>
        TypedResults.Ok(await service.InputsAsync(Parse.Address(asset), Parse.Hash(request), ct));

    private static async Task<Ok<IReadOnlyList<ProposalInfo>>> Proposals(string asset, string? after, int? limit, HttpContext context, RequestService service, CancellationToken ct)
    {
        var page = PageRequest.Of(after, limit);
        return (await service.ProposalsAsync(Parse.Address(asset), page, ct)).Answer(context, page);
    }

    private static async Task<Ok<ProposalInfo>> Propose(string asset, ProposeRequest request, RequestService service, CancellationToken ct) =>
        TypedResults.Ok(await service.ProposeAsync(Parse.Address(asset), request, ct));

    private static async Task<Ok<ProposalInfo>> Proposal(string asset, string proposal, RequestService service, CancellationToken ct) =>
        TypedResults.Ok(await service.ProposalAsync(Parse.Address(asset), Parse.Hash(proposal), ct));

    private static async Task<ContentHttpResult> Calendar(string asset, RequestService service, CancellationToken ct) =>
        TypedResults.Content(await service.CalendarAsync(Parse.Address(asset), ct), ProposalCalendar.MediaType);

    private static async Task<Ok<SimulationInfo>> Simulate(string asset, string proposal, HttpContext context, RateLimits limits, ProposalSimulator simulator, CancellationToken ct)
    {
        limits.Simulate(context);
        return TypedResults.Ok(await simulator.SimulateAsync(Parse.Address(asset), Parse.Hash(proposal), ct));
    }

    private static async Task<Ok<ProposalInfo>> Vote(string asset, string proposal, VoteRequest request, RequestService service, CancellationToken ct) =>
        TypedResults.Ok(await service.VoteAsync(Parse.Address(asset), Parse.Hash(proposal), request, ct));

    private static async Task<Ok<ProposalInfo>> Execute(string asset, string proposal, RequestService service, CancellationToken ct) =>
        TypedResults.Ok(await service.ExecuteAsync(Parse.Address(asset), Parse.Hash(proposal), ct));

    private static async Task<Ok<RequestInfo>> Open(string asset, string request, OpenUseRequest use, UseService service, CancellationToken ct) =>
        TypedResults.Ok(await service.OpenAsync(Parse.Address(asset), Parse.Hash(request), use, ct));

    private static async Task<Ok<IReadOnlyList<GuardianAnswer>>> Answers(string asset, string request, uint use, uint version, UseService service, CancellationToken ct) =>
        TypedResults.Ok(await service.AnswersAsync(Parse.Address(asset), Parse.Hash(request), use, version, ct));

    private static async Task<NoContent> Answer(string asset, string request, uint use, GuardianAnswer answer, UseService service, CancellationToken ct)
    {
        await service.AnswerAsync(Parse.Address(asset), Parse.Hash(request), use, answer, ct);
        return TypedResults.NoContent();
    }

    private static async Task<NoContent> WantProofs(string asset, string request, uint use, ProofsRequest proofs, UseService service, CancellationToken ct)
    {
        await service.WantProofsAsync(Parse.Address(asset), Parse.Hash(request), use, proofs, ct);
        return TypedResults.NoContent();
    }

    private static async Task<FileContentHttpResult> SealedResult(string asset, string request, uint use, HttpContext context, SessionService sessions, UseService service, CancellationToken ct) =>
        TypedResults.Bytes(await service.SealedResultAsync(Parse.Address(asset), Parse.Hash(request), use, await sessions.RequireAsync(context, ct), ct), "application/octet-stream");

    private static async Task<Ok<RequestInfo>> Result(string asset, string request, uint use, ResultRequest result, UseService service, CancellationToken ct) =>
        TypedResults.Ok(await service.ResultAsync(Parse.Address(asset), Parse.Hash(request), use, result, ct));

    private static async Task<Ok<RequestInfo>> Fail(string asset, string request, uint use, FailureRequest failure, UseService service, CancellationToken ct) =>
        TypedResults.Ok(await service.FailAsync(Parse.Address(asset), Parse.Hash(request), use, failure, ct));

    private static async Task<Ok<IReadOnlyList<UseWork>>> GuardianWork(string guardian, UseService service, CancellationToken ct) =>
        TypedResults.Ok(await service.GuardianWorkAsync(Parse.Address(guardian), ct));

    private static async Task<Ok<IReadOnlyList<UseWork>>> RunnerWork(string runner, UseService service, CancellationToken ct) =>
        TypedResults.Ok(await service.RunnerWorkAsync(Parse.Address(runner), ct));
}
