using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Trove.Core;
using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.ChatGpt;

/// <summary>Does a ChatGPT export agree with itself (specs/exports/chatgpt.md)?</summary>
internal sealed class ChatGptChecks(ExportFiles files, ExportOptions options)
{
    // ChatGPT opened on 2022-11-30; a day earlier leaves room for every time zone.
    private const long Opened = 1_669_680_000_000;

    public IReadOnlyList<ExportCheck> Run()
    {
        long conversations = 0, broken = 0, dated = 0, early = 0;
        string? first = null, unreadable = null;
        foreach (var file in files.All.Where(file => file.IsReadable && ChatGptFiles.IsConversations(file)))
        {
            try
            {
                using var stream = file.Open();
                var elements = new JsonReader(stream, options.Limits, "[]");
                while (elements.Read())
                {
                    Look(elements.Value, file);
                }
            }
            catch (Exception e) when (ExportFile.IsFault(e))
            {
                unreadable ??= $"{Names.Printable(file.Name)}: {ExportFile.Reason(e)}";
            }
        }
        const string tree = "chatgpt.tree", dates = "chatgpt.times";
        return
        [
            unreadable is not null ? ExportCheck.Failed(tree, $"the conversations cannot be read to their end; {unreadable}")
                : conversations == 0 ? ExportCheck.Absent(tree, "there is no conversation")
                : broken > 0 ? ExportCheck.Failed(tree, $"the links of {broken} of {conversations} conversations disagree; {first}")
                : ExportCheck.Passed(tree, $"the links of {conversations} conversations agree"),
            Manifest("chatgpt.manifest"),
            dated == 0 ? ExportCheck.Absent(dates, "no message has a time")
                : early > 0 ? ExportCheck.Failed(dates, $"{early} of {dated} messages are dated before ChatGPT opened")
                : ExportCheck.Passed(dates, $"{dated} messages are dated after ChatGPT opened"),
        ];

        void Look(JsonValue element, ExportFile file)
        {
            conversations++;
            var conversation = new Conversation(element);
            if ((conversation.HasMapping ? conversation.Inconsistency() : "it has no mapping") is { } fault)
            {
                broken++;
                first ??= $"{Names.Printable(file.Name)}, conversation {conversations}: {fault}";
            }
            foreach (var node in conversation.Walk())
            {
                if (node.Message.UnixSeconds("create_time"u8) is not { } time)
                    continue;
                dated++;
                early += time < Opened ? 1 : 0;
            }
        }
    }

    /// <summary>
    /// Every conversations file that is here is listed, with the size and SHA-256 that are given, if any. The manifest's form
    /// is not published: whatever object names a file is taken for its entry.
    /// </summary>
    private ExportCheck Manifest(string name)
    {
        if (files.Find(ChatGptFiles.Manifest) is not { } manifest)
            return ExportCheck.Absent(name, "there is no export_manifest.json, as in exports before 2026");
        var document = Json.ReadSmall(manifest, options.Limits);
        if (document.ValueKind == JsonValueKind.Undefined)
            return ExportCheck.Failed(name, "export_manifest.json is no JSON");
        var listed = new Dictionary<string, (long? Bytes, Hash32? Hash)>(StringComparer.OrdinalIgnoreCase);
        Collect(document, listed);
        int agreed = 0;
        foreach (var file in files.All.Where(file => file.IsReadable && ChatGptFiles.IsConversations(file)))
        {
            if (!listed.TryGetValue(file.Name, out var claim))
                return ExportCheck.Failed(name, $"{Names.Printable(file.Name)} is not listed");
            try
            {
                using var stream = file.Open();
                var (bytes, hash) = Measure(stream);
                if ((claim.Bytes ?? bytes) != bytes || (claim.Hash ?? hash) != hash)
                    return ExportCheck.Failed(name, $"{Names.Printable(file.Name)} has another size or SHA-256 than listed");
            }
            catch (Exception e) when (ExportFile.IsFault(e))
            {
                return ExportCheck.Failed(name, $"{Names.Printable(file.Name)} cannot be read");
            }
            agreed++;
        }
        return agreed == 0 ? ExportCheck.Absent(name, "no conversations file is here") : ExportCheck.Passed(name, $"{agreed} conversations files are listed and agree");
    }

    private static void Collect(JsonValue element, Dictionary<string, (long?, Hash32?)> listed)
    {
        if (element.ValueKind == JsonValueKind.String)
        {
            listed.TryAdd(Names.Normalise(element.Text()), default); // a plain list of names
        }
        else if (element.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in element.Items())
                Collect(item, listed);
        }
        else if (element.ValueKind == JsonValueKind.Object)
        {
            string file = First(element, "path", "file_name", "filename", "name", "file");
            if (file.Length > 0)
            {
                long? bytes = null;
                foreach (var key in (string[])["size_bytes", "bytes", "size"])
                {
                    if (element.Get(Encoding.UTF8.GetBytes(key)) is { ValueKind: JsonValueKind.Number } number && long.TryParse(number.Raw, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value))
                        bytes ??= value;
                }
                listed[Names.Normalise(file)] = (bytes, Hash32.TryParse(First(element, "sha256", "sha_256"), out var hash) ? hash : null);
            }
            foreach (var property in element.Members())
            {
                listed.TryAdd(Names.Normalise(property.Name), default); // a map by name
                if (property.ValueKind is JsonValueKind.Object or JsonValueKind.Array)
                    Collect(property, listed);
            }
        }

        static string First(JsonValue element, params ReadOnlySpan<string> keys)
        {
            foreach (var key in keys)
            {
                if (element.Text(Encoding.UTF8.GetBytes(key)) is { Length: > 0 } text)
                    return text;
            }
            return "";
        }
    }

    private static (long Bytes, Hash32 Hash) Measure(Stream stream)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[65_536];
        long bytes = 0;
        for (int read; (read = stream.Read(buffer)) > 0; bytes += read)
            hash.AppendData(buffer, 0, read);
        return (bytes, new Hash32(hash.GetHashAndReset()));
    }
}
