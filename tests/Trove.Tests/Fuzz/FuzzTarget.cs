using System.Text;
using System.Text.Json;

namespace Trove.Tests.Fuzz;

/// <summary>One parser or codec of hostile bytes.</summary>
/// <param name="Name">Short, unique.</param>
/// <param name="Covers">The methods it drives, as <c>Type.Method</c>; what a rule over all parsers counts.</param>
/// <param name="Seeds">Valid inputs to start from.</param>
/// <param name="Run">
/// Parses one input and re-checks what was accepted (written again it is the same). Returns what was observed, null for a refusal
/// without an exception. Fails by any exception that is not among the refusals.
/// </param>
/// <param name="Bug">
/// A planted bug: true for an observation that only inputs well-formed enough and changed enough lead to, and no seed does. What
/// the fuzzer does not find in a parser that has it, it would not find in ours.
/// </param>
/// <param name="Refusals">The exceptions that the parser documents.</param>
internal sealed record FuzzTarget(string Name, string[] Covers, IReadOnlyList<byte[]> Seeds, Func<byte[], object?> Run, Func<object, bool> Bug, params Type[] Refusals)
{
    /// <summary>Pieces that its format is made of.</summary>
    public IReadOnlyList<byte[]> Tokens { get; init; } = [];

    /// <summary>Is the input JSON?</summary>
    public bool Json { get; init; }

    /// <summary>Size of the records that the input is a row of; 0 when it is none.</summary>
    public int Record { get; init; }

    /// <summary>How many executions one of this target takes the time of.</summary>
    public int Cost { get; init; } = 1;

    /// <summary>Most bytes that one input may allocate, beyond <see cref="MemoryPerByte"/> for each of its own.</summary>
    public long Memory { get; init; } = 1 << 20;

    /// <summary>See <see cref="Memory"/>.</summary>
    public long MemoryPerByte { get; init; } = 512;

    /// <summary>Longest input.</summary>
    public int MaxInput { get; init; } = 1 << 14;

    /// <summary>Is the exception one of the documented ones? The reader of JSON throws one of its own kind.</summary>
    public bool Refuses(Exception e) => Refusals.Any(r => r == e.GetType() || (r == typeof(JsonException) && e is JsonException));

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>Seeds or tokens out of text.</summary>
    public static IReadOnlyList<byte[]> Text(params ReadOnlySpan<string> texts)
    {
        var list = new List<byte[]>();
        foreach (var text in texts)
            list.Add(Encoding.UTF8.GetBytes(text));
        return list;
    }
}

/// <summary>A target's own check of what was accepted failed.</summary>
internal sealed class FuzzCheckException(string message) : Exception(message)
{
    /// <summary>Fails with this message unless the condition holds.</summary>
    public static void Require(bool holds, string message)
    {
        if (!holds)
            throw new FuzzCheckException(message);
    }
}

/// <summary>The planted bug was reached.</summary>
internal sealed class PlantedBugException : Exception;
