using System.Collections.Frozen;
using System.Text;

namespace Trove.Exports.WhatsApp;

/// <summary>
/// What stands after the author: the author's words, what the platform put in their place, or both. The platform marks its own words
/// with U+200E at the front on iOS, in every language; Android marks names of files only. For the rest there is a table of
/// the commoner languages; what is in none of them stays as it is.
/// </summary>
internal readonly record struct WhatsAppBody
{
    private const char Mark = '\u200E';

    private const int LongestNotice = 100;

    /// <summary>The author's words; a notice of the platform where <see cref="IsNotice"/>.</summary>
    public string Text { get; private init; }

    /// <summary>Did the platform write it: a call, somebody joining, a changed name?</summary>
    public bool IsNotice { get; private init; }

    /// <summary>What stands for media that were left out, as the platform puts it.</summary>
    public string Media { get; private init; }

    /// <summary>The name of an attached file.</summary>
    public string Attachment { get; private init; }

    /// <summary>The address on a map.</summary>
    public string Location { get; private init; }

    /// <summary>The choices of a poll, whose question is the text.</summary>
    public string Options { get; private init; }

    /// <summary>Was it taken back?</summary>
    public bool IsDeleted { get; private init; }

    /// <summary>Was it changed after it was sent?</summary>
    public bool IsEdited { get; private init; }

    /// <summary>Nothing at all?</summary>
    public bool IsEmpty => Text.Length + Media.Length + Attachment.Length + Location.Length == 0 && !IsDeleted;

    public override string ToString() => IsNotice ? "notice" : "message";

    private static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> Deleted = Set(
        "this message was deleted", "message deleted", "diese nachricht wurde gelöscht", "se eliminó este mensaje", "este mensaje fue eliminado", "ce message a été supprimé",
        "mensagem apagada", "esta mensagem foi apagada", "questo messaggio è stato eliminato", "dit bericht is verwijderd", "сообщение удалено", "данное сообщение удалено",
        "bu mesaj silindi", "pesan ini dihapus", "ta wiadomość została usunięta", "此消息已被删除", "このメッセージは削除されました", "이 메시지는 삭제되었습니다", "تم حذف هذه الرسالة", "यह मैसेज डिलीट कर दिया गया");

    private static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> DeletedByMe = Set(
        "you deleted this message", "du hast diese nachricht gelöscht", "eliminaste este mensaje", "vous avez supprimé ce message", "você apagou esta mensagem", "apagou esta mensagem",
        "hai eliminato questo messaggio", "u hebt dit bericht verwijderd", "je hebt dit bericht verwijderd", "вы удалили данное сообщение", "bu mesajı sildiniz", "anda menghapus pesan ini",
        "usunięto tę wiadomość", "您已删除此消息", "您刪除了這則訊息", "このメッセージを削除しました", "لقد حذفت هذه الرسالة");

    private static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> Edited = Set(
        "this message was edited", "diese nachricht wurde bearbeitet", "se editó este mensaje", "ce message a été modifié", "mensagem editada", "esta mensagem foi editada",
        "questo messaggio è stato modificato", "dit bericht is bewerkt", "сообщение изменено", "bu mesaj düzenlendi", "pesan ini diedit");

    // The last words of "image omitted" and its like; in front of them stands the kind, or the name of a document.
    private static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> Omitted = Set(
        "omitted", "weggelassen", "ausgelassen", "ausgeschlossen", "omitida", "omitido", "omessa", "omesso", "omessi", "absente", "absent", "omis", "omise", "ocultada", "ocultado", "ocultados", "weggelaten",
        "отсутствует", "пропущено", "edilmedi", "pominięto", "استبعاد", "省略", "忽略");

    private static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> OmittedWithoutMark = Set(
        "image omitted", "video omitted", "audio omitted", "gif omitted", "sticker omitted", "document omitted", "contact card omitted");

    public static WhatsAppBody Parse(string raw)
    {
        bool marked = raw.StartsWith(Mark);
        bool edited = TakeEdited(ref raw);
        var body = new WhatsAppBody { Text = Clean(raw), Media = "", Attachment = "", Location = "", Options = "", IsEdited = edited };
        if (body.Text.Length <= LongestNotice)
        {
            Span<char> lower = stackalloc char[LongestNotice];
            var words = lower[..body.Text.AsSpan().ToLowerInvariant(lower)].TrimEnd('.');
            if (Deleted.Contains(words) || DeletedByMe.Contains(words))
                return body with { Text = "", IsDeleted = true };
            if (OmittedWithoutMark.Contains(words) || (marked && Omitted.Contains(words[(words.LastIndexOf(' ') + 1)..])) || IsPlaceholder(body.Text))
                return body with { Text = "", Media = body.Text.Trim('<', '>') };
        }
        if (TakeAttachment(raw, marked) is var (file, caption) && file.Length > 0)
            return body with { Text = Clean(caption), Attachment = file };
        if (body.Text.IndexOf(": https://maps.google.com/?q=", StringComparison.Ordinal) is > 0 and < 32 and var colon && !body.Text.Contains('\n'))
            return body with { Text = "", Location = body.Text[(colon + 2)..] };
        if (TakePoll(body.Text) is var (question, options) && options.Length > 0)
            return body with { Text = question, Options = options };
        return marked ? body with { IsNotice = true } : body;
    }

    /// <summary>Was the message taken back, in words that only the account itself sees? Asked of every line, it makes no string.</summary>
    public static bool IsDeletedByMe(ReadOnlySpan<byte> raw)
    {
        raw = raw[WhatsAppHeader.SkipMarks(raw, 0)..].TrimEnd(". "u8);
        if (raw.Length > 2 * LongestNotice)
            return false;
        Span<char> text = stackalloc char[2 * LongestNotice], lower = stackalloc char[2 * LongestNotice];
        int length = Encoding.UTF8.GetChars(raw, text);
        return DeletedByMe.Contains(lower[..((ReadOnlySpan<char>)text[..length]).ToLowerInvariant(lower)]);
    }

    /// <summary>Without the marks that the platform puts before its own words and around mentions.</summary>
    private static string Clean(string text) => text.AsSpan().IndexOfAny(Mark, '\u2068', '\u2069') < 0 ? text.Trim()
        : string.Concat(text.Where(c => c is not (Mark or '\u2068' or '\u2069'))).Trim();

    /// <summary><c>&lt;This message was edited&gt;</c> at the end; marked on iOS, in a language known on Android.</summary>
    private static bool TakeEdited(ref string raw)
    {
        int open = raw.EndsWith('>') ? raw.LastIndexOf('<') : -1;
        if (open < 0 || raw.Length - open > LongestNotice || (open == 0 && raw.Contains(Mark)))
            return false;
        bool marked = open > 1 && raw[open - 1] == Mark && !raw.AsSpan(open).Contains(':');
        if (!marked && !Edited.Contains(raw[(open + 1)..^1].TrimEnd('.').ToLowerInvariant()))
            return false;
        raw = raw[..open].TrimEnd(Mark, ' ', '\n');
        return true;
    }

    /// <summary>
    /// <c>&lt;Media omitted&gt;</c> alone, in every language: an angle bracket around several words or around letters that are not ASCII,
    /// which leaves a member's <c>&lt;grin&gt;</c> alone.
    /// </summary>
    private static bool IsPlaceholder(string text) => text is ['<', _, .., '>'] && text.AsSpan(1, text.Length - 2).IndexOfAny('<', '>', '\n') < 0
        && !text.Contains(':') && (text.Contains(' ') || text.Any(c => c > 0x7F));

    /// <summary>
    /// <c>&lt;attached: 00000012-PHOTO-2025-03-04-14-06-11.jpg&gt;</c>, with the caption in front, on iOS; <c>IMG-20250304-WA0003.jpg (file attached)</c>,
    /// with the caption on the lines after it, on Android.
    /// </summary>
    private static (string File, string Caption) TakeAttachment(string raw, bool marked)
    {
        int open = raw.EndsWith('>') ? raw.LastIndexOf('<') : -1, colon = open < 0 ? -1 : raw.IndexOf(": ", open, StringComparison.Ordinal);
        if (colon > 0 && raw.Length - open <= 300 && IsFile(raw[(colon + 2)..^1]) && (open == 0 || raw[open - 1] == Mark))
            return (raw[(colon + 2)..^1], raw[..open]);
        int end = raw.IndexOf('\n');
        var first = (end < 0 ? raw : raw[..end]).Trim(Mark).TrimEnd();
        int bracket = first.EndsWith(')') ? first.LastIndexOf(" (", StringComparison.Ordinal) : -1;
        if (bracket > 0 && first.Length <= 300 && IsFile(first[..bracket]) && (marked || first[..bracket].Contains("-WA", StringComparison.Ordinal)))
            return (first[..bracket], end < 0 ? "" : raw[end..]);
        return ("", "");
    }

    private static bool IsFile(string name) => name.LastIndexOf('.') is > 0 and var dot && name.Length - dot is > 1 and <= 6 && name.AsSpan(dot + 1).IndexOfAnyExceptInRange('0', 'z') < 0;

    /// <summary><c>POLL:</c>, the question, and a line <c>OPTION: … (2 votes)</c> for each choice, in whatever language.</summary>
    private static (string Question, string Options) TakePoll(string text)
    {
        int end = text.IndexOf('\n');
        if (end is < 2 or > 24 || text[end - 1] != ':' || !IsLabel(text.AsSpan(0, end - 1)))
            return ("", "");
        var lines = text.Split('\n', 64);
        var options = new List<string>();
        foreach (var line in lines.Skip(2))
        {
            int colon = line.IndexOf(": ", StringComparison.Ordinal), votes = line.LastIndexOf(" (", StringComparison.Ordinal);
            if (colon <= 0 || votes < colon + 2 || !line.EndsWith(')') || !IsLabel(line.AsSpan(0, colon)))
                return ("", "");
            options.Add(line[(colon + 2)..votes].Trim());
        }
        var joined = string.Join(" | ", options);
        return joined.Length > RecordRules.MetaValue ? ("", "") : (lines[1], joined);

        static bool IsLabel(ReadOnlySpan<char> word) => word.IndexOf(' ') < 0 && word.ToString() == word.ToString().ToUpperInvariant();
    }

    private static FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> Set(params string[] words) => words.ToFrozenSet(StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();
}
