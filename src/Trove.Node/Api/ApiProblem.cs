using Microsoft.AspNetCore.Http;

namespace Trove.Node.Api;

/// <summary>Errors of the HTTP API as problem details (RFC 9457), each of which says what to do next.</summary>
public static class ApiProblem
{
    /// <summary>A response of type <c>application/problem+json</c>.</summary>
    /// <param name="status">HTTP status, 400 to 599.</param>
    /// <param name="code">Stable name of the kind of problem, such as <c>wrong-offset</c>; also in <c>type</c>, and <c>title</c> is made of it.</param>
    /// <param name="detail">What happened, naming the object. No secrets.</param>
    /// <param name="nextStep">What the client or its user can do.</param>
    /// <param name="more">Further members that a program needs, such as <c>received</c> (RFC 9457, section 3.2).</param>
    public static IResult Result(int status, string code, string detail, string nextStep, params (string Name, object Value)[] more)
    {
        var extensions = new Dictionary<string, object?> { ["code"] = code, ["nextStep"] = nextStep };
        foreach (var (name, value) in more)
            extensions[name] = value;
        return TypedResults.Problem(
            statusCode: status,
            type: "urn:trove:problem:" + code,
            title: char.ToUpperInvariant(code[0]) + code[1..].Replace('-', ' '),
            detail: detail,
            extensions: extensions);
    }
}
