using System.Collections.Frozen;

namespace Trove.Exports.Mbox;

/// <summary>What Gmail's labels say. They are written in the language of the member's Gmail.</summary>
internal readonly record struct MailLabels(IReadOnlyList<string> All)
{
    private static readonly FrozenSet<string> Sent = Set("Sent", "Gesendet", "Messages envoyés", "Enviados", "Enviado", "Enviada", "Posta inviata", "Inviati", "Verzonden", "Wysłane", "Отправленные", "送信済み", "已发邮件", "寄件備份", "보낸편지함", "Skickat", "Sendt", "Lähetetyt", "Gönderilmiş Postalar", "Odeslaná pošta"),
        Drafts = Set("Drafts", "Draft", "Entwürfe", "Entwurf", "Brouillons", "Brouillon", "Borradores", "Borrador", "Rascunhos", "Rascunho", "Bozze", "Bozza", "Concepten", "Wersje robocze", "Черновики", "下書き", "草稿", "임시보관함", "Utkast", "Kladder", "Luonnokset", "Taslaklar", "Koncepty"),
        Spam = Set("Spam", "Junk", "Courrier indésirable", "Спам", "迷惑メール", "垃圾邮件", "垃圾郵件", "스팸함", "Skräppost", "Søppelpost", "Roskaposti"),
        Chats = Set("Chat", "Chats", "Чаты", "チャット", "聊天");

    /// <summary>Splits the value, its encoded words already decoded: they may hold commas.</summary>
    public static MailLabels Of(string decoded)
    {
        var labels = new List<string>();
        int start = 0;
        bool isQuoted = false;
        for (int i = 0; i <= decoded.Length; i++)
        {
            isQuoted ^= i < decoded.Length && decoded[i] == '"';
            if (i < decoded.Length && (isQuoted || decoded[i] != ','))
                continue;
            if (decoded[start..i].Trim().Trim('"') is { Length: > 0 } label)
                labels.Add(label);
            start = i + 1;
        }
        return new(labels);
    }

    public bool IsSent => All.Any(Sent.Contains);
    public bool IsDraft => All.Any(Drafts.Contains);
    public bool IsSpam => All.Any(Spam.Contains);
    public bool IsChat => All.Any(Chats.Contains);

    private static FrozenSet<string> Set(params string[] labels) => labels.ToFrozenSet(StringComparer.OrdinalIgnoreCase);
}
