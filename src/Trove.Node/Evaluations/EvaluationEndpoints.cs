using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Trove.Node.Api;
using Trove.Node.Operations;
using Trove.Node.Protocol;

namespace Trove.Node.Evaluations;

/// <summary>What verifiers have guardians evaluate.</summary>
public static class EvaluationEndpoints
{
    /// <summary>Maps the endpoints.</summary>
    public static void MapEvaluations(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1").WithTags("Evaluations");
        // The same question or answer again changes nothing. Checks wait for them, and a check that ends frees space.
        group.MapPost("/assets/{asset}/evaluations", Ask).WithMetadata(new FreesSpace()).WithoutIdempotencyKey().Named("askGuardians", "A verifier has an asset's guardians evaluate a blinded element.");
        group.MapGet("/evaluations/{question}/answers", Answers).Named("listEvaluationAnswers", "What guardians answered a question so far.");
        group.MapPost("/evaluations/{question}/answers", Answer).WithMetadata(new FreesSpace()).WithoutIdempotencyKey().Named("answerEvaluation", "A guardian answers a question or an announcement.");
        // Whoever sees a question learns nothing of what is asked, so nobody signs to ask for it.
        group.MapGet("/guardians/{guardian}/evaluations", OfGuardian).Named("listGuardianEvaluations", "Verifiers' questions and owners' announcements that a guardian has not answered, in their turn; waits a while for one.");
    }

    private static async Task<NoContent> Ask(string asset, OprfQuestion question, EvaluationService service, CancellationToken ct)
    {
        await service.AskAsync(Parse.Address(asset), question, ct);
        return TypedResults.NoContent();
    }

    private static async Task<Ok<IReadOnlyList<OprfAnswer>>> Answers(string question, EvaluationService service, CancellationToken ct) =>
        TypedResults.Ok(await service.AnswersAsync(Parse.Hash(question), ct));

    private static async Task<NoContent> Answer(string question, OprfAnswer answer, EvaluationService service, CancellationToken ct)
    {
        await service.AnswerAsync(Parse.Hash(question), answer, ct);
        return TypedResults.NoContent();
    }

    private static async Task<Ok<IReadOnlyList<GuardianQuestion>>> OfGuardian(string guardian, string? after, int? limit, HttpContext context, EvaluationService service, CancellationToken ct)
    {
        var page = PageRequest.Of(after, limit);
        return (await service.OfGuardianAsync(Parse.Address(guardian), page, ct)).Answer(context, page);
    }
}
