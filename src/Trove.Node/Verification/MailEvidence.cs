using System.Text;
using Trove.Core.Rewards;
using Trove.Crypto.Dkim;
using Trove.Exports;
using Trove.Exports.Text;
using CheckOutcome = Trove.Core.Rewards.CheckOutcome;

namespace Trove.Node.Verification;

/// <summary>The DNS gave no answer for a key of this domain. That says nothing of the mail: the check may be made later.</summary>
internal sealed class DnsSilentException(string domain)
    : SilentException($"no resolver answers for a key of {domain} under which a mail was signed: see --resolver, and whether the machine's resolvers in /etc/resolv.conf work",
        "dns-silent", time => $"the DNS has not told a verifier for {time} under which key {domain} signed a mail: contribute again later, or without the mail");

/// <summary>
/// What the mails of a contribution's evidence prove: that a domain of the platform signed a mail to the account, not long before
/// (specs/evidence.md, "Mails"; DKIM, RFC 6376). Knows no network and no clock: who has the DNS asked, and what time it is, is its caller.
/// Results name the domains of the table and nothing else of a mail.
/// </summary>
public static class MailEvidence
{
    /// <summary>The name of the check in the evidence's results.</summary>
    public const string CheckName = EvidenceKinds.Mail;

    /// <summary>Days before the contribution that a mail's date may be.</summary>
    public const int MostDays = 400;

    private static readonly string[] Required = ["From", "To", "Subject", "Date"];

    // As platforms name them when they say how to tell their mails from forged ones. Telegram and WhatsApp send none; bookmarks, notes, mail
    // boxes and lines are of no platform.
    private static readonly Dictionary<string, string[]> Domains = new(StringComparer.Ordinal)
    {
        ["amazon"] =
        [
            "amazon.com", "amazon.ae", "amazon.ca", "amazon.co.jp", "amazon.co.uk", "amazon.com.au", "amazon.com.be", "amazon.com.br", "amazon.com.mx",
            "amazon.com.tr", "amazon.de", "amazon.eg", "amazon.es", "amazon.fr", "amazon.in", "amazon.it", "amazon.nl", "amazon.pl", "amazon.sa", "amazon.se", "amazon.sg",
        ],
        ["chatgpt"] = ["openai.com"],
        ["claude"] = ["anthropic.com"],
        ["discord"] = ["discord.com"],
        ["facebook"] = ["facebook.com", "facebookmail.com", "meta.com"],
        ["google"] = ["google.com"],
        ["instagram"] = ["instagram.com", "facebookmail.com", "meta.com"],
        ["linkedin"] = ["linkedin.com"],
        ["reddit"] = ["reddit.com", "redditmail.com"],
        ["slack"] = ["slack.com"],
        ["spotify"] = ["spotify.com"],
        ["x"] = ["x.com", "twitter.com"],
    };

    /// <summary>Why a mail will not count, as far as that can be told without the DNS; null when it counts if the platform's keys say so.</summary>
    /// <param name="platform">Of the export.</param>
    /// <param name="account">Of the export.</param>
    /// <param name="mail">As it was received.</param>
    /// <param name="time">Of the contribution.</param>
    public static string? Problem(string platform, string account, ReadOnlySpan<byte> mail, DateTimeOffset time)
    {
        var (message, signatures, problem) = Look(platform, account, mail, time);
        return message is null ? problem : signatures.Exists(s => DkimVerifier.IsOfBody(message, s.Signature)) ? null : "its body was changed since it was signed";
    }

    /// <summary>Checks the mails. One that was tampered with fails them all; else one that counts is enough.</summary>
    /// <param name="platform">Of the export.</param>
    /// <param name="account">Of the export.</param>
    /// <param name="mails">As they were received.</param>
    /// <param name="time">Of the announced block, so that every verifier finds the same.</param>
    /// <param name="lookup">Asks the DNS for TXT records.</param>
    /// <param name="ct">Ends it.</param>
    /// <returns>The check <see cref="CheckName"/>.</returns>
    /// <exception cref="DnsSilentException">A key could not be asked for; it may be tried again.</exception>
    public static async Task<EvidenceCheck> CheckAsync(string platform, string account, IReadOnlyList<ReadOnlyMemory<byte>> mails, DateTimeOffset time,
        Func<string, CancellationToken, Task<TxtAnswer>> lookup, CancellationToken ct)
    {
        if (!Domains.ContainsKey(platform))
            return Absent($"mails about {platform} exports do not count");
        var checks = new List<EvidenceCheck>();
        foreach (var mail in mails)
            checks.Add(await CheckAsync(platform, account, mail, time, lookup, ct));
        return checks.Find(c => c.Outcome == CheckOutcome.Failed) ?? checks.Find(c => c.Outcome == CheckOutcome.Passed) ?? checks.FirstOrDefault()
            ?? Absent($"no mail in which {platform} announces the export was given");
    }

    private static async Task<EvidenceCheck> CheckAsync(string platform, string account, ReadOnlyMemory<byte> mail, DateTimeOffset time,
        Func<string, CancellationToken, Task<TxtAnswer>> lookup, CancellationToken ct)
    {
        var (message, signatures, problem) = Look(platform, account, mail.Span, time);
        if (message is null)
            return Absent($"the mail does not count: {problem}");
        string? tampered = null;
        foreach (var (signature, domain) in signatures)
        {
            switch ((await DkimVerifier.VerifyAsync(message, signature, lookup, time, ct)).Outcome)
            {
                case DkimOutcome.Pass:
                    return new EvidenceCheck(CheckName, CheckOutcome.Passed, $"{domain} signed a mail to the account, at most {MostDays} days before");
                case DkimOutcome.TempError:
                    throw new DnsSilentException(domain);
                case DkimOutcome.Fail:
                    tampered ??= domain;
                    break;
            }
        }
        return tampered is null
            ? Absent($"the mail does not count: {signatures[0].Domain} has no usable key any more under which it was signed")
            : new EvidenceCheck(CheckName, CheckOutcome.Failed, $"a mail is not as {tampered} signed it");
    }

    // The mail with those of its signatures that count if their keys say so, each with the platform's domain that it is of; else why it does not.
    private static (DkimMessage? Mail, List<(DkimSignature Signature, string Domain)> Signatures, string Problem) Look(string platform, string account, ReadOnlySpan<byte> bytes, DateTimeOffset time)
    {
        if (!Domains.TryGetValue(platform, out var domains))
            return No($"mails about {platform} exports do not count");
        if (DkimMessage.Read(bytes) is not { } mail)
            return No("it is no mail with a header");
        // What is read here is what was signed only where a field stands once: signers sign the lowest.
        foreach (var name in Required)
            if (mail.Fields.Count(field => field.Is(name)) != 1)
                return No($"it has not exactly one {name}");
        if (Address(mail, "To") is not { } to)
            return No("To is not exactly one address");
        if (Address(mail, "From") is not { } from)
            return No("From is not exactly one address");
        if (MimeDate.Parse(Encoding.Latin1.GetBytes(mail.Values("Date").Single())) is not { } milliseconds)
            return No("its date cannot be read");
        var date = DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
        if (date > time || date < time.AddDays(-MostDays))
            return No(date > time ? "it is dated after the contribution" : $"it is dated more than {MostDays} days before the contribution");
        var own = Address(account);
        if (own is null ? !GreetsAccount(bytes, account) : own != to)
            return No(own is null ? "it is not about data, or does not greet the account by its name" : "it was sent to another address than the account's");

        var signatures = mail.Fields.Where(field => field.Is(DkimSignature.FieldName)).Take(DkimVerifier.MaxSignatures).Select(field => DkimSignature.Read(field).Signature).OfType<DkimSignature>()
            .SelectMany(signature => domains.Where(domain => IsWithin(signature.Domain, domain)).Select(domain => (Signature: signature, Domain: domain))).ToList();
        if (signatures.Count == 0)
            return No($"it is not signed by {(domains.Length > 3 ? $"a domain of {platform}" : string.Join(" or ", domains))}");
        // Relaxed alignment: both are of one organisation's domain (RFC 7489 section 3.1.1).
        signatures.RemoveAll(s => !IsWithin(from[(from.IndexOf('@') + 1)..], s.Domain));
        if (signatures.Count == 0)
            return No("its From is of another domain than the one that signed it");
        signatures.RemoveAll(s => !Required.All(name => s.Signature.SignedFields.Contains(name, StringComparer.OrdinalIgnoreCase)));
        if (signatures.Count == 0)
            return No("its signature leaves out To, Subject or Date");
        var refusal = DkimVerifier.Refusal(signatures[0].Signature, time);
        signatures.RemoveAll(s => DkimVerifier.Refusal(s.Signature, time) is not null);
        return signatures.Count == 0 ? No($"of its signature: {refusal}") : (mail, signatures, "");

        static (DkimMessage?, List<(DkimSignature, string)>, string) No(string problem) => (null, [], problem);
    }

    // Platforms' mails also tell what others wrote, and name them: only who is greeted at the beginning of a mail about data is the one it is to.
    // The parser of members' mails reads it, whatever its parts and encodings.
    private static bool GreetsAccount(ReadOnlySpan<byte> mail, string account)
    {
        string name = account.Trim().TrimStart('@');
        Record? read;
        try
        {
            using var export = Export.Open("mail.eml", mail.ToArray().AsMemory());
            read = export.Records().FirstOrDefault();
        }
        catch (ExportException)
        {
            return false;
        }
        if (name.Length == 0 || read is null || !Subjects.Any(word => read.Title.Contains(word, StringComparison.OrdinalIgnoreCase)))
            return false;
        var text = read.Text.AsSpan().TrimStart();
        foreach (var greeting in Greetings)
        {
            if (!text.StartsWith(greeting, StringComparison.OrdinalIgnoreCase) || text.Length == greeting.Length || char.IsLetterOrDigit(text[greeting.Length]))
                continue;
            var greeted = text[greeting.Length..].TrimStart(" ,:\u00a0");
            greeted = greeted.StartsWith("u/", StringComparison.OrdinalIgnoreCase) ? greeted[2..] : greeted.TrimStart('@');
            if (greeted.StartsWith(name, StringComparison.OrdinalIgnoreCase))
            {
                var after = greeted[name.Length..];
                return after.IsEmpty || !IsOfName(after[0]) || (after[0] is '.' or '-' && (after.Length == 1 || !IsOfName(after[1])));
            }
        }
        return false;
    }

    private static readonly string[] Greetings = ["hi", "hello", "hey", "dear", "hallo", "liebe", "lieber", "bonjour", "salut", "hola", "ciao", "ol\u00e1", "cze\u015b\u0107", "merhaba"];

    // Of the announcement that an export is ready, in the languages of the greetings.
    private static readonly string[] Subjects = ["data", "export", "download", "archive", "information", "daten", "archiv", "donn\u00e9es", "datos", "dati", "dados", "dane", "veri"];

    private static bool IsOfName(char c) => char.IsLetterOrDigit(c) || c is '_' or '-' or '.';

    private static string? Address(DkimMessage mail, string field) => Address(mail.Values(field).Single());

    // In lower case; null unless the text is one plain address, in whatever company of names and comments (RFC 5322 section 3.4).
    private static string? Address(string text) =>
        MimeAddress.Parse(Encoding.Latin1.GetBytes(text)) is [{ Address: var address }] && address.Count(c => c == '@') == 1 && address.IndexOf('@') is > 0 and var at
            && address.AsSpan(at + 1).Contains('.') && address.All(c => char.IsAsciiLetterOrDigit(c) || "@.!#$%&'*+-/=?^_`{|}~".Contains(c)) ? address : null;

    private static bool IsWithin(string name, string domain) => name == domain || name.EndsWith("." + domain, StringComparison.Ordinal);

    private static EvidenceCheck Absent(string detail) => new(CheckName, CheckOutcome.Absent, detail);
}
