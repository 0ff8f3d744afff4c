using System.Security.Cryptography;
using System.Text;

namespace Trove.Tests.Crypto;

/// <summary>A platform that signs its mails by RSA and DKIM, both ways relaxed (RFC 6376), with string operations where the verifier walks.</summary>
internal sealed class MailSigner : IDisposable
{
    private const string Body = "Hi u/maya_tides, fetch it soon.\r\n";

    /// <summary>A body that names another account.</summary>
    public static string To(string account) => $"Hi u/{account}, fetch it soon.\r\n";

    private readonly RSA _key = RSA.Create(2048);

    /// <summary>What the DNS has under the key's name.</summary>
    public string Record => "v=DKIM1; k=rsa; p=" + Convert.ToBase64String(_key.ExportSubjectPublicKeyInfo());

    /// <summary>The header of a mail that announces an export.</summary>
    public static string Header(DateTimeOffset date, string from = "Reddit <noreply@reddit.com>", string to = "Maya <maya@example.org>") =>
        $"From: {from}\r\nTo: {to}\r\nSubject: Your export is ready\r\nDate: {date.ToUniversalTime():ddd, dd MMM yyyy HH:mm:ss} +0000\r\n";

    /// <summary>Signs a mail whose header has one line for each field; a mail that is signed already is signed again.</summary>
    public string Sign(string header, string domain, string fields = "from:to:subject:date", string selector = "s", string tags = "", string body = Body)
    {
        var lines = header.Split("\r\n", StringSplitOptions.RemoveEmptyEntries).ToList();
        var signed = new StringBuilder();
        foreach (var name in fields.Split(':'))
        {
            int at = lines.FindLastIndex(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase));
            if (at < 0)
                continue;
            signed.Append(name.ToLowerInvariant()).Append(':').Append(lines[at][(name.Length + 1)..].Trim()).Append("\r\n");
            lines.RemoveAt(at);
        }
        var signature = $"v=1; a=rsa-sha256; c=relaxed/relaxed; d={domain}; s={selector}; {tags}h={fields}; bh={Convert.ToBase64String(SHA256.HashData(Encoding.Latin1.GetBytes(body)))}; b=";
        signed.Append("dkim-signature:").Append(signature);
        return $"DKIM-Signature: {signature}{Convert.ToBase64String(_key.SignData(Encoding.Latin1.GetBytes(signed.ToString()), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))}\r\n{header}";
    }

    /// <summary>A header with the body that <see cref="Sign"/> signs.</summary>
    public static byte[] Mail(string header, string body = Body) => Encoding.Latin1.GetBytes($"{header}\r\n{body}");

    public void Dispose() => _key.Dispose();
}
