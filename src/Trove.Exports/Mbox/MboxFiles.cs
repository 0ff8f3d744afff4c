using System.Text;
using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.Mbox;

/// <summary>Files of mail (specs/exports/mbox.md), told by how they begin: what they are called is up to the program that wrote them.</summary>
internal static class MboxFiles
{
    public const string Platform = "mbox";

    private const int HeadBytes = 8192;

    /// <summary>What a file is.</summary>
    public enum Sort { None, Mbox, Mail }

    /// <summary>An mbox begins with its line and a header; a mail is called <c>.eml</c> and begins with a header of mails.</summary>
    public static Sort Of(ExportFile file)
    {
        if (!MayBeMail(file.Name))
            return Sort.None;
        bool isEml = IsEml(file.Name);
        var head = file.Head(HeadBytes).AsSpan().TrimStart("\r\n"u8);
        if (head.StartsWith("From "u8))
        {
            int end = head.IndexOf((byte)'\n');
            return end > 0 && (MboxMessages.IsSeparator(head[..end]) || isEml || IsNamed(file.Name)) && MimeHeader.Read(head[(end + 1)..]).Fields > 0 ? Sort.Mbox : Sort.None;
        }
        if (!isEml)
            return Sort.None;
        var header = MimeHeader.Read(head);
        return header.Fields >= 2 && (!header.From.IsEmpty || !header.Date.IsEmpty || !header.MessageId.IsEmpty) ? Sort.Mail : Sort.None;
    }

    /// <summary>Is the file called as files of mail are?</summary>
    public static bool IsNamed(string name)
    {
        var file = Names.File(name);
        return file.EndsWith(".mbox", StringComparison.OrdinalIgnoreCase) || file.EndsWith(".mbx", StringComparison.OrdinalIgnoreCase) || file.Equals("mbox", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Is it worth a look? Thunderbird and mutt call files of mail "Inbox" and "sent.2019": no extension, or one of digits.</summary>
    public static bool MayBeMail(string name)
    {
        var file = Names.File(name);
        int dot = file.LastIndexOf('.');
        return IsEml(name) || IsNamed(name) || dot < 0 || !file.AsSpan(dot + 1).ContainsAnyExcept("0123456789-");
    }

    private static bool IsEml(string name) => name.EndsWith(".eml", StringComparison.OrdinalIgnoreCase);

    /// <summary>The address that a <c>Delivered-To</c> or <c>From</c> names; empty when it names none.</summary>
    public static string Address(ReadOnlySpan<byte> value) => MimeAddress.Parse(value) is [{ Address.Length: > 0 and <= RecordRules.Name } first, ..] ? first.Address : "";

    /// <summary>The number in a header; null when it is none.</summary>
    public static long? Number(ReadOnlySpan<byte> value) =>
        long.TryParse(Encoding.ASCII.GetString(value), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out long number) ? number : null;
}
