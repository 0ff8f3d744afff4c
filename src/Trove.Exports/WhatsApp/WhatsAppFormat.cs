using Trove.Exports.Source;

namespace Trove.Exports.WhatsApp;

/// <summary>
/// "Export chat" of WhatsApp: one text a chat, <c>_chat.txt</c> of iOS or <c>WhatsApp Chat with ….txt</c> of Android, alone or in a
/// ZIP with media. <see cref="WhatsAppHeader"/> shows how its lines begin:
/// <code>
/// [04/03/25, 14:05:09] Priya: Draft is in the shared folder
/// and goes on here
/// ‎[04/03/25, 14:06:11] Priya: ‎image omitted
/// </code>
/// </summary>
internal sealed class WhatsAppFormat : IExportFormat
{
    private const int HeadsRead = 8;

    public string Platform => WhatsAppFiles.Platform;

    public string Expects => "_chat.txt or \"WhatsApp Chat with ….txt\", or a ZIP of one";

    /// <summary>A text that begins as a message does counts one, and what tells it from a program's log more: the name, the platform's marks and its name.</summary>
    public int Recognise(ExportFiles files)
    {
        int most = 0, heads = 0;
        foreach (var file in files.All.Where(file => file.IsReadable && file.Name.EndsWith(".txt", StringComparison.OrdinalIgnoreCase)))
        {
            if (heads++ >= HeadsRead)
                break;
            var head = WhatsAppFiles.ChatHead(file, new ExportLimits()).AsSpan();
            if (head.IsEmpty)
                continue;
            int signals = 1 + (WhatsAppFiles.IsNamed(file) ? 2 : 0) + (head[0] == '[' ? 1 : 0)
                + (head.IndexOf("\u200E"u8) >= 0 ? 1 : 0) + (head.IndexOf("WhatsApp"u8) >= 0 ? 1 : 0);
            most = Math.Max(most, signals);
        }
        return most;
    }

    public ExportReader CreateReader(ExportFiles files, ExportOptions options) => new WhatsAppReader(files, options);
}
