using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;
using Trove.Core;

namespace Trove.Node.Api;

/// <summary>
/// The OpenAPI 3.1 description of <c>/api/v1</c>, made of the endpoints themselves and served at <c>/openapi/v1.json</c>.
/// Values that are text in JSON (<see cref="Protocol.TroveJson"/>) are described as such, each with its pattern.
/// </summary>
public static class ApiDocument
{
    /// <summary>Where a running node serves it.</summary>
    public const string Path = "/openapi/v1.json";

    private const string Hex40 = "^0x[0-9a-fA-F]{40}$";
    private const string Hex64 = "^(0x)?[0-9a-fA-F]{64}$";
    private const string Units = "^[0-9]{1,39}$";

    private static readonly Dictionary<Type, (string Pattern, string Meaning)> Values = new()
    {
        [typeof(Hash32)] = (Hex64, "32 bytes as hex."),
        [typeof(Address)] = (Hex40, "An Ethereum address; with a right EIP-55 checksum if in mixed case."),
        [typeof(Money)] = (Units, "Atomic units of the payment token, as decimal text."),
        [typeof(Shares)] = (Units, "Units of 10^-18 of a share, as decimal text."),
    };

    // Bytes are plain strings in C#; what they hold goes by the member's name.
    private static readonly Dictionary<string, (string? Pattern, string? Format, string Meaning)> Texts = new(StringComparer.Ordinal)
    {
        ["signature"] = ("^(0x)?[0-9a-fA-F]{130}$", null, "65 bytes r, s, v of secp256k1 as hex."),
        ["proof"] = ("^(0x)?[0-9a-fA-F]{192}$", null, "96 bytes as hex (specs/age-parts.md)."),
        ["recipient"] = ("^age1[02-9ac-hj-np-z]{58}$", null, "An age X25519 recipient."),
        ["buyerKey"] = ("^age1[02-9ac-hj-np-z]{58}$", null, "An age X25519 recipient."),
        ["sealed"] = (null, "byte", "An age file."),
        ["evaluation"] = (null, "byte", "Index, element and proof: 97 bytes (specs/custody.md)."),
        ["tags"] = (null, "byte", "A tag list (specs/rewards.md)."),
    };

    private static readonly Dictionary<string, (string Pattern, string Meaning)> PathParameters = new(StringComparer.Ordinal)
    {
        ["asset"] = (Hex40, "Address of the asset's share token."),
        ["owner"] = (Hex40, "Address of an owner."),
        ["account"] = (Hex40, "Address of an account."),
        ["delegate"] = (Hex40, "Address of a delegate."),
        ["guardian"] = (Hex40, "Address of a guardian."),
        ["runner"] = (Hex40, "Address of a runner."),
        ["contribution"] = (Hex64, "Id of a contribution."),
        ["request"] = (Hex64, "Id of a request."),
        ["proposal"] = (Hex64, "Id of a proposal."),
        ["question"] = (Hex64, "Name of a question to guardians (specs/custody.md)."),
        ["hash"] = (Hex64, "SHA-256 of the tag list."),
        ["sha256"] = (Hex64, "SHA-256 of the ciphertext."),
        ["payout"] = ("^[0-9]{1,20}-[0-9]{1,10}$", "Block and log index."),
        ["lease"] = ("^[0-9]{1,19}\\.[0-9a-f]{32}$", "A lease, as given with the work."),
    };

    /// <summary>Adds the document's making to the services.</summary>
    public static IServiceCollection AddApiDocument(this IServiceCollection services) => services.AddOpenApi("v1", options =>
    {
        options.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
        options.ShouldInclude = d => d.RelativePath?.StartsWith("api/v1", StringComparison.Ordinal) == true;
        options.AddSchemaTransformer(DescribeValue);
        options.AddOperationTransformer(DescribeOperation);
        options.AddDocumentTransformer(DescribeWhole);
    });

    /// <summary>Serves the document.</summary>
    public static void MapApiDocument(this IEndpointRouteBuilder routes) => routes.MapOpenApi("/openapi/v1.json");

    /// <summary>Names an operation for the document, and so for generated clients.</summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="operationId">Unique; never changes within v1.</param>
    /// <param name="summary">One sentence.</param>
    public static RouteHandlerBuilder Named(this RouteHandlerBuilder endpoint, string operationId, string summary) =>
        endpoint.WithName(operationId).WithSummary(summary);

    /// <summary>Says that the answer is bytes.</summary>
    public static RouteHandlerBuilder AnswersBytes(this RouteHandlerBuilder endpoint) =>
        endpoint.Produces<Stream>(StatusCodes.Status200OK, "application/octet-stream");

    private static Task DescribeValue(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken ct)
    {
        schema.AdditionalPropertiesAllowed = true; // answers may grow within v1; what a request has too much is refused all the same
        var type = Nullable.GetUnderlyingType(context.JsonTypeInfo.Type) ?? context.JsonTypeInfo.Type;
        if (Values.TryGetValue(type, out var value))
        {
            schema.Type = JsonSchemaType.String | (type == context.JsonTypeInfo.Type ? 0 : JsonSchemaType.Null);
            (schema.Pattern, schema.Description) = (value.Pattern, schema.Description ?? value.Meaning);
        }
        else if (context.JsonTypeInfo.ElementType is { } element && Values.TryGetValue(element, out var each))
            schema.Items = new OpenApiSchema { Type = JsonSchemaType.String, Pattern = each.Pattern, Description = each.Meaning };
        // Several schemas of one member are looked at: only text itself has a pattern, lists of it have not.
        else if (context.JsonPropertyInfo is { } member && type == typeof(string) && Texts.TryGetValue(member.Name, out var text))
            (schema.Pattern, schema.Format, schema.Description) = (text.Pattern, text.Format, text.Meaning);
        else if (type == typeof(Stream))
            (schema.Type, schema.Format) = (JsonSchemaType.String, "binary");
        return Task.CompletedTask;
    }

    private static Task DescribeOperation(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken ct)
    {
        if (operation.Summary is null || operation.OperationId is null)
            throw new InvalidOperationException($"{context.Description.HttpMethod} {context.Description.RelativePath} has no name or summary: add .Named()");
        foreach (var parameter in operation.Parameters?.OfType<OpenApiParameter>() ?? [])
            if (parameter.Schema is OpenApiSchema schema && schema.Type == JsonSchemaType.String && PathParameters.TryGetValue(parameter.Name!, out var known))
                (schema.Pattern, parameter.Description) = (known.Pattern, known.Meaning);
        operation.Responses ??= [];
        operation.Responses["default"] = new OpenApiResponseReference("Problem", context.Document);
        return Task.CompletedTask;
    }

    private static Task DescribeWhole(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken ct)
    {
        document.Info = new OpenApiInfo
        {
            Title = "Trove",
            Version = "v1",
            Description = "What members, founders, verifiers, guardians, runners and buyers ask a node (specs/api.md). Requests that change state are signed by whom they speak for.",
        };
        document.Servers = []; // whichever node serves it
        document.Components ??= new OpenApiComponents();
        document.Components.Schemas ??= new Dictionary<string, IOpenApiSchema>();
        document.Components.Schemas["Problem"] = ProblemSchema();
        document.Components.Responses ??= new Dictionary<string, IOpenApiResponse>();
        document.Components.Responses["Problem"] = new OpenApiResponse
        {
            Description = "Refused or failed: which problem, with what, and what to do next.",
            Content = new Dictionary<string, OpenApiMediaType> { ["application/problem+json"] = new() { Schema = new OpenApiSchemaReference("Problem", document) } },
        };
        return Task.CompletedTask;
    }

    // RFC 9457, with what each problem of this API has besides.
    private static OpenApiSchema ProblemSchema() => new()
    {
        Type = JsonSchemaType.Object,
        Required = new HashSet<string> { "type", "title", "status", "detail", "code", "nextStep" },
        Properties = new Dictionary<string, IOpenApiSchema>
        {
            ["type"] = new OpenApiSchema { Type = JsonSchemaType.String, Pattern = "^urn:trove:problem:[a-z0-9-]+$" },
            ["title"] = new OpenApiSchema { Type = JsonSchemaType.String, MinLength = 1 },
            ["status"] = new OpenApiSchema { Type = JsonSchemaType.Integer, Minimum = "400", Maximum = "599" },
            ["detail"] = new OpenApiSchema { Type = JsonSchemaType.String, MinLength = 1, Description = "What was wrong with what." },
            ["code"] = new OpenApiSchema { Type = JsonSchemaType.String, Pattern = "^[a-z0-9-]+$", Description = "Stable name of the problem, for programs." },
            ["nextStep"] = new OpenApiSchema { Type = JsonSchemaType.String, MinLength = 1, Description = "What to do about it." },
            ["received"] = new OpenApiSchema { Type = JsonSchemaType.Integer, Description = "Of a refused piece of an upload: bytes the node has." },
        },
    };
}
