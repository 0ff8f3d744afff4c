using System.Globalization;
using System.Text.RegularExpressions;
using Trove.Core;

namespace Trove.Node.Protocol;

/// <summary>
/// A message by which a wallet signs in (EIP-4361), strictly as its ABNF has it: a message that a wallet would show differently
/// from how it is read here is none.
/// </summary>
/// <param name="Domain">Who asks for the signature: an authority (RFC 3986), and the scheme if there is one.</param>
/// <param name="Address">Who signs in; with a right EIP-55 checksum.</param>
/// <param name="Statement">What the person agrees to, one line; null when there is none.</param>
/// <param name="Uri">What is signed in to.</param>
/// <param name="ChainId">EIP-155 chain id.</param>
/// <param name="Nonce">At least 8 letters and digits.</param>
public sealed partial record SignInMessage(string? Scheme, string Domain, Address Address, string? Statement, string Uri, ulong ChainId, string Nonce, DateTimeOffset IssuedAt,
    DateTimeOffset? ExpirationTime = null, DateTimeOffset? NotBefore = null, string? RequestId = null, IReadOnlyList<string>? Resources = null)
{
    /// <summary>Longest text that is looked at, in characters.</summary>
    public const int MaxLength = 4096;

    // Each line of the ABNF is a line here. Every quantifier is over one class of characters, so the time is linear.
    private const string Grammar = """
        \A(?:(?<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?(?<domain>[A-Za-z0-9._~!$&'()*+,;=:%\[\]@-]+)\ wants\ you\ to\ sign\ in\ with\ your\ Ethereum\ account:\n
        (?<address>0x[0-9a-fA-F]{40})\n
        \n
        (?:(?<statement>[A-Za-z0-9._~:/?\#\[\]@!$&'()*+,;=\ -]+)\n)?
        \n
        URI:\ (?<uri>[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?\#\[\]@!$&'()*+,;=%-]*)\n
        Version:\ 1\n
        Chain\ ID:\ (?<chain>[0-9]+)\n
        Nonce:\ (?<nonce>[A-Za-z0-9]{8,})\n
        Issued\ At:\ (?<issued>[^\n]+)
        (?:\nExpiration\ Time:\ (?<expiration>[^\n]+))?
        (?:\nNot\ Before:\ (?<notbefore>[^\n]+))?
        (?:\nRequest\ ID:\ (?<request>(?:[A-Za-z0-9._~:@!$&'()*+,;=-]|%[0-9a-fA-F]{2})*))?
        (?<resources>\nResources:(?:\n-\ (?<resource>[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?\#\[\]@!$&'()*+,;=%-]*))*)?\z
        """;

    /// <summary>Reads a message; null when it is not one.</summary>
    public static SignInMessage? TryParse(string text)
    {
        if (text.Length > MaxLength || Whole().Match(text) is not { Success: true } m || !IsPercentEncoded(m.Groups["domain"].Value) || !IsUri(m.Groups["uri"].Value))
            return null;
        string? Optional(string name) => m.Groups[name] is { Success: true } g ? g.Value : null;
        DateTimeOffset? expiration = null, notBefore = null;
        if (!Address.TryParse(m.Groups["address"].Value, out var address) || address.ToString() != m.Groups["address"].Value // all in one case is no EIP-55
            || !ulong.TryParse(m.Groups["chain"].Value, NumberStyles.None, CultureInfo.InvariantCulture, out ulong chain)
            || Time(m.Groups["issued"].Value) is not { } issued
            || (Optional("expiration") is { } e && (expiration = Time(e)) is null)
            || (Optional("notbefore") is { } n && (notBefore = Time(n)) is null)
            || m.Groups["resource"].Captures.Any(c => !IsUri(c.Value)))
            return null;
        return new SignInMessage(Optional("scheme"), m.Groups["domain"].Value, address, Optional("statement"), m.Groups["uri"].Value, chain, m.Groups["nonce"].Value, issued, expiration, notBefore,
            Optional("request"), m.Groups["resources"].Success ? [.. m.Groups["resource"].Captures.Select(c => c.Value)] : null);
    }

    /// <summary>The text that is shown and signed.</summary>
    public override string ToString() =>
        $"{(Scheme is null ? "" : Scheme + "://")}{Domain} wants you to sign in with your Ethereum account:\n{Address}\n\n{(Statement is null ? "" : Statement + "\n")}\n"
        + $"URI: {Uri}\nVersion: 1\nChain ID: {ChainId.ToString(CultureInfo.InvariantCulture)}\nNonce: {Nonce}\nIssued At: {Text(IssuedAt)}"
        + (ExpirationTime is { } e ? $"\nExpiration Time: {Text(e)}" : "") + (NotBefore is { } n ? $"\nNot Before: {Text(n)}" : "")
        + (RequestId is null ? "" : $"\nRequest ID: {RequestId}") + (Resources is null ? "" : "\nResources:" + string.Concat(Resources.Select(r => $"\n- {r}")));

    private static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);

    // RFC 3339, section 5.6; a leap second is none to .NET and refused.
    private static DateTimeOffset? Time(string text) => Rfc3339().IsMatch(text)
        && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;

    private static bool IsUri(string text) => IsPercentEncoded(text) && System.Uri.TryCreate(text, UriKind.Absolute, out _);

    private static bool IsPercentEncoded(string text) => !BadPercent().IsMatch(text);

    [GeneratedRegex(Grammar, RegexOptions.IgnorePatternWhitespace | RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant)]
    private static partial Regex Whole();

    [GeneratedRegex(@"\A[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})\z")]
    private static partial Regex Rfc3339();

    [GeneratedRegex("%(?![0-9a-fA-F]{2})")]
    private static partial Regex BadPercent();
}
