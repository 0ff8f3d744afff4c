using Trove.Exports.Source;

namespace Trove.Exports.Claude;

/// <summary>
/// Anthropic's export of Claude: a ZIP with <c>conversations.json</c>, <c>users.json</c> and <c>projects.json</c>:
/// <code>
/// [{"uuid":"…","name":"…","created_at":"2024-03-04T12:00:00.123456Z","account":{"uuid":"…"},"chat_messages":[
///   {"uuid":"…","sender":"human","text":"…","content":[{"type":"text","text":"…"}],"created_at":"…",
///    "attachments":[{"file_name":"a.txt","extracted_content":"…"}],"files":[{"file_name":"b.png"}],"parent_message_uuid":"…"}]}]
/// </code>
/// </summary>
internal sealed class ClaudeFormat : IExportFormat
{
    private const int HeadBytes = 65_536, HeadsRead = 4;

    public string Platform => ClaudeFiles.Platform;

    public string Expects => "a ZIP of conversations.json, users.json and projects.json";

    /// <summary>A conversations file with chat_messages is enough (ChatGPT's have a mapping); what the other files hold counts too.</summary>
    public int Recognise(ExportFiles files)
    {
        int signals = 0, heads = 0;
        foreach (var file in files.All.Where(file => file.IsReadable))
        {
            bool conversations = ClaudeFiles.IsConversations(file);
            if (!(conversations || ClaudeFiles.Is(file, ClaudeFiles.Users) || ClaudeFiles.Is(file, ClaudeFiles.Projects)) || heads++ >= HeadsRead)
                continue;
            var head = file.Head(HeadBytes).AsSpan();
            signals += conversations && head.IndexOf("\"chat_messages\""u8) >= 0 ? ExportFormats.Enough
                : head.IndexOf("\"verified_phone_number\""u8) >= 0 || head.IndexOf("\"is_starter_project\""u8) >= 0 ? 2
                : head.IndexOf("\"uuid\""u8) >= 0 ? 1 : 0;
        }
        return signals;
    }

    public ExportReader CreateReader(ExportFiles files, ExportOptions options) => new ClaudeReader(files, options);
}
