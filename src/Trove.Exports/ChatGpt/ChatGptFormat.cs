using Trove.Exports.Source;

namespace Trove.Exports.ChatGpt;

/// <summary>
/// OpenAI's export of ChatGPT: a ZIP with <c>conversations.json</c>, since early 2026 <c>conversations-000.json</c> and so on
/// with <c>export_manifest.json</c>. A conversation is a tree of messages:
/// <code>
/// [{"title":"…","create_time":1700000000.1,"mapping":{
///    "root":{"id":"root","message":null,"parent":null,"children":["a"]},
///    "a":{"id":"a","message":{"id":"a","author":{"role":"user"},"create_time":1700000001.5,
///         "content":{"content_type":"text","parts":["…"]}},"parent":"root","children":[]}},
///   "current_node":"a","conversation_id":"…"}]
/// </code>
/// </summary>
internal sealed class ChatGptFormat : IExportFormat
{
    private const int HeadBytes = 65_536, HeadsRead = 4;

    public string Platform => ChatGptFiles.Platform;

    public string Expects => "a ZIP of conversations.json or conversations-000.json and user.json";

    /// <summary>A conversations file whose objects have a mapping is enough (Claude's have chat_messages); names count one each.</summary>
    public int Recognise(ExportFiles files)
    {
        int signals = 0, heads = 0;
        foreach (var file in files.All.Where(file => file.IsReadable))
        {
            if (ChatGptFiles.IsConversations(file))
            {
                if (heads++ >= HeadsRead)
                    continue;
                var head = file.Head(HeadBytes).AsSpan();
                if (head.IndexOf("\"chat_messages\""u8) >= 0)
                    return 0;
                signals += head.IndexOf("\"mapping\""u8) >= 0 ? ExportFormats.Enough : 1;
            }
            else if (ChatGptFiles.Is(file, ChatGptFiles.User))
            {
                var head = file.Head(HeadBytes).AsSpan();
                signals += head.IndexOf("\"chatgpt_plus_user\""u8) >= 0 ? 2 : 0;
            }
            else if (new[] { ChatGptFiles.Manifest, ChatGptFiles.Feedback, ChatGptFiles.Shared, ChatGptFiles.Comparisons, ChatGptFiles.Page }
                .Any(name => ChatGptFiles.Is(file, name)))
            {
                signals++;
            }
        }
        return signals;
    }

    public ExportReader CreateReader(ExportFiles files, ExportOptions options) => new ChatGptReader(files, options);
}
