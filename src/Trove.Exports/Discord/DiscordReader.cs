using System.Text.Json;
using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.Discord;

/// <summary>One message as either generation of the package has it.</summary>
internal readonly record struct DiscordMessage(string Id, string Timestamp, string Contents, string Attachments, string Where)
{
    /// <summary>Without the text, which does not belong in logs.</summary>
    public override string ToString() => $"message {Id}";
}

/// <summary>Reads a Discord package channel by channel: it holds the account's own messages only.</summary>
internal sealed class DiscordReader : ExportReader
{
    private const int MostRecipients = 50;

    private readonly ExportFiles _files;
    private readonly ExportOptions _options;
    private readonly string _me;
    private readonly HashSet<string> _channelRoots = new(StringComparer.Ordinal), _serverRoots = new(StringComparer.Ordinal);

    public DiscordReader(ExportFiles files, ExportOptions options)
    {
        _files = files;
        _options = options;
        Account = ReadAccount();
        _me = Account.Length > 0 ? Account : options.Me;
        foreach (var file in files.All.Where(file => DiscordFiles.ChannelId(file).Length > 0))
            (DiscordFiles.Is(file, DiscordFiles.Guild) ? _serverRoots : _channelRoots).Add(DiscordFiles.Folder(DiscordFiles.Folder(file.Name).TrimEnd('/')));
    }

    public override string Account { get; }

    public override string? WhyIgnored(ExportFile file) => DiscordFiles.IsMessages(file) || IsServers(file) ? null
        : DiscordFiles.Is(file, DiscordFiles.Channel) ? "says what its channel is; holds no records"
        : DiscordFiles.Is(file, DiscordFiles.Index) ? "lists the channels, for the consistency checks"
        : DiscordFiles.Is(file, DiscordFiles.User) ? "data of the account itself; only its number is taken over"
        : file.Name.Contains("activity", StringComparison.OrdinalIgnoreCase) || file.Name.Contains("events-", StringComparison.OrdinalIgnoreCase) ? "measurements of the program, with addresses; never taken over"
        : "not a file of messages";

    public override bool IsEvidence(ExportFile file, Func<string, bool> includeFile)
    {
        return DiscordFiles.Is(file, DiscordFiles.User) || IsChannelIndex(file) || includeFile(file.Name)
        || (DiscordFiles.Is(file, DiscordFiles.Channel) && (Chosen("messages.csv") || Chosen("messages.json")));

        bool Chosen(string messages) => _files.Find(DiscordFiles.Folder(file.Name) + messages) is { } found && includeFile(found.Name);
    }

    public override IEnumerable<ExportCheck> Checks() => new DiscordChecks(_files, _options).Run();

    public override IEnumerable<Record> Read(ExportFile file, FileLog log)
    {
        if (IsServers(file))
        {
            foreach (var server in Servers(file))
                yield return server;
            yield break;
        }
        var thread = DiscordFiles.ChannelId(file);
        var channel = ReadChannel(file);
        foreach (var message in Messages(file, log, _options.Limits))
        {
            if (message.Contents.Length == 0 && message.Attachments.Length == 0)
            {
                log.Skip("a message without text", message.Where);
                continue;
            }
            yield return new Record
            {
                Platform = DiscordFiles.Platform,
                Kind = RecordKind.Message,
                Id = message.Id,
                Thread = thread,
                Author = _me,
                Own = true,
                Time = Times.Parse(message.Timestamp) ?? DiscordFiles.Created(message.Id), // without a zone, the id is certain
                Text = message.Contents,
                Meta = message.Attachments.Length is 0 or > RecordRules.MetaValue ? channel : channel.SetItem("attachments", message.Attachments),
            };
        }
    }

    /// <summary>The messages of a table or a list.</summary>
    /// <exception cref="InvalidDataException">It is neither.</exception>
    public static IEnumerable<DiscordMessage> Messages(ExportFile file, FileLog log, ExportLimits limits)
    {
        using var stream = file.Open();
        if (file.Name.EndsWith(".csv", StringComparison.OrdinalIgnoreCase))
        {
            using var rows = CsvTable.Open(stream, limits, log, DiscordFiles.Columns);
            while (rows.Read())
                yield return new DiscordMessage(rows["ID"], rows["Timestamp"], rows["Contents"], rows["Attachments"], $"line {rows.Line}");
            yield break;
        }
        foreach (var (number, element) in Json.Objects(stream, limits, log))
            yield return new DiscordMessage(element.IdText("ID"u8), element.Text("Timestamp"u8), element.Text("Contents"u8), element.Text("Attachments"u8), $"element {number}");
    }

    /// <summary>The index that lies beside the channels' folders.</summary>
    private bool IsChannelIndex(ExportFile file) => DiscordFiles.Is(file, DiscordFiles.Index) && !IsServers(file) && _channelRoots.Contains(DiscordFiles.Folder(file.Name));

    /// <summary>The index that lies beside the servers' folders.</summary>
    private bool IsServers(ExportFile file) => DiscordFiles.Is(file, DiscordFiles.Index)
        && (_serverRoots.Contains(DiscordFiles.Folder(file.Name)) || file.Name.EndsWith("servers/index.json", StringComparison.OrdinalIgnoreCase));

    /// <summary>What all messages of a channel have in common. A conversation's name is a person's and not kept; the others' ids are.</summary>
    private Metadata ReadChannel(ExportFile messages)
    {
        if (_files.Find(DiscordFiles.Folder(messages.Name) + DiscordFiles.Channel) is not { } file)
            return Metadata.Empty;
        var channel = Json.ReadSmall(file, _options.Limits);
        var server = channel.Get("guild"u8).Text("name"u8);
        var others = channel.Get("recipients"u8).Items().Take(MostRecipients).Select(other => other.Text()).Where(id => DiscordFiles.Created(id) is not null && id != _me);
        return Metadata.Of(("type", Short(channel.IdText("type"u8))), ("server", Short(server)), ("channel", server.Length > 0 ? Short(channel.Text("name"u8)) : ""), ("to", string.Join(' ', others)));
    }

    private List<Record> Servers(ExportFile file)
    {
        var servers = Json.ReadSmall(file, _options.Limits);
        if (servers.ValueKind != JsonValueKind.Object)
            throw new InvalidDataException("it is no JSON object, or longer than a list of servers");
        return [.. servers.Members().Select(server => new Record
        {
            Platform = DiscordFiles.Platform,
            Kind = RecordKind.Follow,
            Id = server.Name,
            Author = _me,
            Own = true,
            Meta = Metadata.Of(("server", Short(server.Text()))),
        })];
    }

    private static string Short(string value) => value.Length <= RecordRules.Name ? value : "";

    private string ReadAccount()
    {
        foreach (var file in _files.All.Where(file => file.IsReadable && DiscordFiles.Is(file, DiscordFiles.User)))
        {
            var id = Json.ReadSmall(file, _options.Limits).IdText("id"u8);
            if (DiscordFiles.Created(id) is not null)
                return id;
        }
        return "";
    }
}
