using System.Text;
using System.Text.Json;
using Trove.Core.Rewards;
using Trove.Node.Chain;
using Trove.Node.Protocol;
using Trove.Node.Runners;
using Trove.Node.Verification;
using static Trove.Tests.Fuzz.FuzzCheckException;

namespace Trove.Tests.Fuzz;

/// <summary>
/// Every document of the API, and those stored or passed between processes: read as the API reads them, asked what they are asked
/// first, written and read again.
/// </summary>
internal static class DocumentTargets
{
    // Values that only a changed document holds, for the planted bugs.
    private static readonly string[] Marks = ["4294967295", "9223372036854775807", "18446744073709551615", "\"-1\"", "\"../../etc/passwd\"", "\"é\"", ":\"0x\"", ":\"\"", "[]", "{}", ":null", "\"340282366920938463463374607431768211455\"", ":true"];

    public static IEnumerable<FuzzTarget> All() => typeof(TroveJson).Assembly.GetTypes()
        .Where(t => t.Namespace == typeof(TroveJson).Namespace && IsDocument(t))
        .Concat([typeof(ExecutorJob), typeof(List<JobAnswer>), typeof(VerifierJob), typeof(ChainEventData), typeof(Attestation), typeof(AssetPolicy)])
        .OrderBy(t => t.Name, StringComparer.Ordinal).Select(Of);

    private static bool IsDocument(Type type) => type is { IsClass: true, IsAbstract: false, IsGenericType: false, IsNested: false } && type != typeof(SignInMessage) && type.GetMethod("<Clone>$") is not null;

    private static FuzzTarget Of(Type type)
    {
        var seed = JsonSerializer.SerializeToUtf8Bytes(Samples.Of(type), type, TroveJson.Options);
        var text = Encoding.UTF8.GetString(seed);
        return new("json-" + type.Name.Split('`')[0] + (type.IsGenericType ? type.GetGenericArguments()[0].Name : ""), ["TroveJson", "TextConverter.Read", "VerifierJob.Read"], [seed], input => Read(type, input),
            o => o is Document d && Marks.Any(m => d.Json.Contains(m, StringComparison.Ordinal) && !text.Contains(m, StringComparison.Ordinal)), typeof(JsonException)) { Json = true, Cost = 3, Memory = 2 << 20, MemoryPerByte = 1024 };
    }

    private sealed record Document(object Value, string Json);

    private static Document? Read(Type type, byte[] input)
    {
        if (JsonSerializer.Deserialize(input, type, TroveJson.Options) is not { } value)
            return null;
        var json = JsonSerializer.Serialize(value, type, TroveJson.Options);
        Require(JsonSerializer.Serialize(JsonSerializer.Deserialize(json, type, TroveJson.Options), type, TroveJson.Options) == json, "what is written reads as something else");
        Ask(value);
        return new Document(value, json);
    }

    // What is done with a stranger's document before anything of it is believed.
    private static void Ask(object value)
    {
        switch (value)
        {
            case AssetPolicy policy when policy.Problem() is null:
                _ = policy.Hash();
                break;
            case EvidenceResults results when results.Problem() is null:
                _ = results.Hash();
                break;
            case ExecutorJob job:
                _ = job.InputsHash();
                break;
            case CharterInfo charter when charter.Problem() is null:
                _ = charter.ToAbi();
                break;
            case RequestTerms terms:
                Expect(() => terms.ToAbi(), typeof(ArgumentException), typeof(Trove.Crypto.AgeException));
                break;
            case Attestation facts:
                _ = Messages.Attest(facts);
                break;
        }
    }

    private static void Expect(Action ask, params Type[] refusals)
    {
        try
        {
            ask();
        }
        catch (Exception e) when (refusals.Contains(e.GetType()))
        {
            // It says what is wrong.
        }
    }
}
