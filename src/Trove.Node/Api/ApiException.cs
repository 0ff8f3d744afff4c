namespace Trove.Node.Api;

/// <summary>
/// A request that is refused: becomes problem details (RFC 9457) that name the object and the next step. Thrown from
/// wherever the reason is found, turned into an answer in one place.
/// </summary>
/// <param name="status">HTTP status.</param>
/// <param name="code">Stable word for programs, such as <c>nonce-used</c>.</param>
/// <param name="detail">What was wrong with what.</param>
/// <param name="nextStep">What to do about it.</param>
public sealed class ApiException(int status, string code, string detail, string nextStep) : Exception(detail)
{
    /// <summary>HTTP status.</summary>
    public int Status => status;

    /// <summary>Stable word for programs.</summary>
    public string Code => code;

    /// <summary>What to do about it.</summary>
    public string NextStep => nextStep;

    /// <summary>When it passes by itself, where that is known.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Something named in the request is not there.</summary>
    public static ApiException NotFound(string what, string nextStep) => new(404, "not-found", $"there is no {what}", nextStep);

    /// <summary>The request itself is wrong.</summary>
    public static ApiException Invalid(string detail, string nextStep) => new(400, "invalid", detail, nextStep);
}
