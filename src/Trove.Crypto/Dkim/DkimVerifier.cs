using System.Security.Cryptography;
using System.Text;

namespace Trove.Crypto.Dkim;

/// <summary>What became of a signature; the words of RFC 8601 section 2.7.1.</summary>
public enum DkimOutcome
{
    /// <summary>The domain signed the mail as it is.</summary>
    Pass,

    /// <summary>The signature or the body's hash is not that of the mail.</summary>
    Fail,

    /// <summary>It may hold, and is not accepted: a part of the body only, a weak or testing key, expired.</summary>
    Policy,

    /// <summary>The key could not be asked for; it may be later.</summary>
    TempError,

    /// <summary>It can never be checked: tags are missing or the key is gone.</summary>
    PermError,
}

/// <summary>The result for one signature.</summary>
/// <param name="Outcome">What became of it.</param>
/// <param name="Detail">Why, in words, without anything of the mail but domains.</param>
/// <param name="Signature">What it says; null when it could not be read.</param>
/// <param name="KeyRecord">The record under which it was checked, to be kept: keys change. Empty when none was found.</param>
public sealed record DkimResult(DkimOutcome Outcome, string Detail, DkimSignature? Signature, string KeyRecord);

/// <summary>What the DNS knows under a name.</summary>
/// <param name="Records">The texts of its TXT records, each with its strings joined; none when the name does not exist.</param>
/// <param name="Failed">Was there no answer?</param>
public readonly record struct TxtAnswer(IReadOnlyList<string> Records, bool Failed);

/// <summary>
/// Checks the DKIM signatures of a mail (RFC 6376 section 6, RFC 8301, RFC 8463): RSA and Ed25519 with SHA-256, both ways of
/// canonicalization. Stricter than a mail server: a signature with <c>l=</c> proves nothing here, for anything may be added to its mail.
/// </summary>
public static class DkimVerifier
{
    /// <summary>Signatures of a mail that are looked at. Stops: a mail of thousands, each a question to the DNS.</summary>
    public const int MaxSignatures = 8;

    /// <summary>Checks the signatures from the top down.</summary>
    /// <param name="mail">The mail.</param>
    /// <param name="lookup">Asks the DNS for TXT records.</param>
    /// <param name="now">For <c>x=</c>.</param>
    /// <param name="ct">Ends it.</param>
    /// <returns>A result for each signature; none when the mail has none.</returns>
    public static async Task<IReadOnlyList<DkimResult>> VerifyAsync(DkimMessage mail, Func<string, CancellationToken, Task<TxtAnswer>> lookup, DateTimeOffset now, CancellationToken ct)
    {
        var results = new List<DkimResult>();
        foreach (var field in mail.Fields.Where(field => field.Is(DkimSignature.FieldName)).Take(MaxSignatures))
        {
            var (signature, problem) = DkimSignature.Read(field);
            results.Add(signature is null ? new DkimResult(DkimOutcome.PermError, problem, null, "") : await VerifyAsync(mail, signature, lookup, now, ct));
        }
        return results;
    }

    /// <summary>Checks one signature, as <see cref="VerifyAsync(DkimMessage, Func{string, CancellationToken, Task{TxtAnswer}}, DateTimeOffset, CancellationToken)"/> does each.</summary>
    /// <param name="signature">Of a field of this very <paramref name="mail"/>.</param>
    public static async Task<DkimResult> VerifyAsync(DkimMessage mail, DkimSignature signature, Func<string, CancellationToken, Task<TxtAnswer>> lookup, DateTimeOffset now, CancellationToken ct) =>
        Refusal(signature, now) is { } refusal ? new DkimResult(DkimOutcome.Policy, refusal, signature, "") : Check(mail, signature, await lookup(signature.KeyName, ct));

    /// <summary>Why a signature is not accepted whatever its key is, in words without anything of the mail; null when its key decides.</summary>
    public static string? Refusal(DkimSignature signature, DateTimeOffset now) =>
        signature.HasLength ? "it covers a part of the body only (l=)"
        : signature.Algorithm is not ("rsa-sha256" or "ed25519-sha256") ? "its algorithm is not accepted: rsa-sha256 and ed25519-sha256 are"
        : signature.Expires <= now ? "it has expired"
        : signature.Time > now.AddHours(1) ? "it was made in the future"
        : null;

    /// <summary>Has the signature the hash of the mail's body? Needs no key, and proves nothing without one.</summary>
    public static bool IsOfBody(DkimMessage mail, DkimSignature signature) =>
        CryptographicOperations.FixedTimeEquals(SHA256.HashData(DkimCanonicalization.Body(mail.Body.Span, signature.BodyWay == "relaxed")), signature.BodyHash);

    private static DkimResult Check(DkimMessage mail, DkimSignature signature, TxtAnswer answer)
    {
        if (answer.Failed)
            return new DkimResult(DkimOutcome.TempError, $"the key at {signature.KeyName} could not be asked for", signature, "");
        if (answer.Records.Count != 1)
            return new DkimResult(DkimOutcome.PermError, answer.Records.Count == 0 ? $"there is no key at {signature.KeyName}" : $"there are several keys at {signature.KeyName}", signature, "");
        var record = answer.Records[0];
        var (key, problem) = DkimKey.Read(record);
        if (key is null)
            return new DkimResult(problem.Contains("bits", StringComparison.Ordinal) ? DkimOutcome.Policy : DkimOutcome.PermError, problem, signature, record);
        if (!signature.Algorithm.StartsWith(key.Kind + "-", StringComparison.Ordinal))
            return new DkimResult(DkimOutcome.PermError, "the key is of another kind than the signature", signature, record);
        if (key.IsStrict && !signature.Identity.EndsWith("@" + signature.Domain, StringComparison.OrdinalIgnoreCase))
            return new DkimResult(DkimOutcome.PermError, "the key is not for addresses of domains below its own", signature, record);
        if (key.IsTesting)
            return new DkimResult(DkimOutcome.Policy, "the domain only tries its key out", signature, record);
        if (!IsOfBody(mail, signature))
            return new DkimResult(DkimOutcome.Fail, "the body was changed", signature, record);
        return key.Verify(SHA256.HashData(Encoding.Latin1.GetBytes(SignedHeader(mail, signature))), signature.Bytes)
            ? new DkimResult(DkimOutcome.Pass, $"signed by {signature.Domain}", signature, record)
            : new DkimResult(DkimOutcome.Fail, "the signed fields were changed", signature, record);
    }

    // Section 5.4.2: of fields of one name the lowest is signed first; one that is not there is signed as nothing.
    private static string SignedHeader(DkimMessage mail, DkimSignature signature)
    {
        bool relaxed = signature.HeaderWay == "relaxed";
        var header = new StringBuilder();
        var next = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase);
        foreach (var name in signature.SignedFields)
        {
            int at = next.GetValueOrDefault(name, mail.Fields.Count) - 1;
            while (at >= 0 && (!mail.Fields[at].Is(name) || ReferenceEquals(mail.Fields[at], signature.Field)))
                at--;
            next[name] = Math.Max(at, 0);
            if (at >= 0)
                header.Append(DkimCanonicalization.Header(mail.Fields[at], relaxed));
        }
        return header.Append(signature.WithoutItself(relaxed)).ToString();
    }
}
