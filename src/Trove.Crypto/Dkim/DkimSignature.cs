using System.Globalization;

namespace Trove.Crypto.Dkim;

/// <summary>What a <c>DKIM-Signature</c> field says (RFC 6376 section 3.5).</summary>
public sealed class DkimSignature
{
    /// <summary>The field's name.</summary>
    public const string FieldName = "DKIM-Signature";

    private const int MaxSigned = 100, MaxHash = 64, MaxSignature = 1024;

    private DkimSignature(DkimField field, DkimTags tags)
    {
        Field = field;
        Algorithm = (tags["a"] ?? "").ToLowerInvariant();
        Domain = (tags["d"] ?? "").ToLowerInvariant();
        Selector = (tags["s"] ?? "").ToLowerInvariant();
        Identity = tags["i"] ?? "@" + Domain;
        SignedFields = [.. (tags["h"] ?? "").Split(':').Select(name => name.Trim(' ', '\t'))];
        var ways = (tags["c"] ?? "simple/simple").ToLowerInvariant().Split('/');
        HeaderWay = ways[0];
        BodyWay = ways.Length > 1 ? ways[1] : "simple";
        HasLength = tags["l"] is not null;
    }

    /// <summary>The field as it stands.</summary>
    public DkimField Field { get; }

    /// <summary>Such as <c>rsa-sha256</c>.</summary>
    public string Algorithm { get; }

    /// <summary>The domain that answers for the mail.</summary>
    public string Domain { get; }

    /// <summary>Names the key among the domain's.</summary>
    public string Selector { get; }

    /// <summary>On whose behalf: an address of the domain or of one below it.</summary>
    public string Identity { get; }

    /// <summary>The names of the fields that are signed; one more often than it stands in the mail forbids to add it.</summary>
    public IReadOnlyList<string> SignedFields { get; }

    /// <summary>Does it cover the beginning of the body only, so that anything may stand behind?</summary>
    public bool HasLength { get; }

    /// <summary>When it was made; null when it does not say.</summary>
    public DateTimeOffset? Time { get; private init; }

    /// <summary>Until when it holds; null when it does not say.</summary>
    public DateTimeOffset? Expires { get; private init; }

    internal string HeaderWay { get; }

    internal string BodyWay { get; }

    internal byte[] BodyHash { get; private init; } = [];

    internal byte[] Bytes { get; private init; } = [];

    /// <summary>Where the key is: a name in the DNS.</summary>
    public string KeyName => $"{Selector}._domainkey.{Domain}";

    /// <summary>Reads a field; what is wrong with it, in words, when it is no signature that can be checked.</summary>
    public static (DkimSignature? Signature, string Problem) Read(DkimField field)
    {
        if (DkimTags.Parse(field.Value) is not { } tags)
            return (null, "its tags cannot be read");
        if (tags["v"] != "1")
            return (null, "it is of another version than 1");
        foreach (var required in (ReadOnlySpan<string>)["a", "b", "bh", "d", "h", "s"])
            if (tags[required] is not { Length: > 0 })
                return (null, $"it has no {required}=");
        if (!TryTime(tags["t"], out var time) || !TryTime(tags["x"], out var expires) || expires <= time)
            return (null, "its times cannot be read, or it expires before it was made");
        Span<byte> hash = stackalloc byte[MaxHash], bytes = stackalloc byte[MaxSignature];
        if (!Convert.TryFromBase64String(tags.Packed("bh"), hash, out int hashed) || !Convert.TryFromBase64String(tags.Packed("b"), bytes, out int signed))
            return (null, "its b= or bh= is no base64, or too long");
        var signature = new DkimSignature(field, tags) { Time = time, Expires = expires, BodyHash = hash[..hashed].ToArray(), Bytes = bytes[..signed].ToArray() };
        string problem = !IsDomain(signature.Domain) || !IsDomain(signature.Selector) ? "its domain or selector is none"
            : !IsWithin(signature.Identity, signature.Domain) ? "its i= is not of its domain"
            : signature.SignedFields.Count > MaxSigned ? $"it signs more than {MaxSigned} fields"
            : !signature.SignedFields.Contains("from", StringComparer.OrdinalIgnoreCase) ? "it does not sign From"
            : signature.HeaderWay is not ("simple" or "relaxed") || signature.BodyWay is not ("simple" or "relaxed") ? "its c= is not known"
            : tags["q"] is { } queries && !queries.Split(':').Any(query => query.Trim().Equals("dns/txt", StringComparison.OrdinalIgnoreCase)) ? "its key is not in the DNS"
            : "";
        return problem.Length > 0 ? (null, problem) : (signature, "");
    }

    /// <summary>The field with its own <c>b=</c> emptied, as it is part of what it signs (section 3.7); without its last CRLF.</summary>
    internal string WithoutItself(bool relaxed)
    {
        var parts = Field.Value.Split(';');
        for (int i = 0; i < parts.Length; i++)
        {
            int equals = parts[i].IndexOf('=');
            if (equals > 0 && parts[i].AsSpan(0, equals).Trim(" \t\r\n") is "b")
                parts[i] = parts[i][..(equals + 1)];
        }
        var emptied = DkimCanonicalization.Header(Field with { Value = string.Join(';', parts) }, relaxed);
        return emptied.EndsWith("\r\n", StringComparison.Ordinal) ? emptied[..^2] : emptied;
    }

    private static bool IsWithin(string identity, string domain)
    {
        int at = identity.LastIndexOf('@');
        var host = at < 0 ? "" : identity[(at + 1)..].ToLowerInvariant();
        return host == domain || host.EndsWith("." + domain, StringComparison.Ordinal);
    }

    // Letters, digits, hyphens and underscores between dots, so that nothing else is ever asked of the DNS.
    private static bool IsDomain(string name) => name.Length is > 0 and <= 200
        && name.Split('.').All(label => label.Length is > 0 and <= 63 && label.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'));

    private static bool TryTime(string? text, out DateTimeOffset? time)
    {
        time = null;
        if (text is null)
            return true;
        if (text.Length > 12 || !long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long seconds) || seconds > 253_402_300_799)
            return false;
        time = DateTimeOffset.FromUnixTimeSeconds(seconds);
        return true;
    }
}
