using Trove.Exports.Source;

namespace Trove.Exports;

/// <summary>
/// A platform's export format: one folder, one line in <see cref="ExportFormats"/> (specs/add-an-export-format.md).
/// Formats are stateless; what one import needs to remember lives in the <see cref="ExportReader"/>.
/// </summary>
internal interface IExportFormat
{
    /// <summary>The platform's short name, as in records.</summary>
    string Platform { get; }

    /// <summary>What its export looks like, for the message to a member whose export is not recognised.</summary>
    string Expects { get; }

    /// <summary>
    /// How strongly the files look like this platform's: <see cref="ExportFormats.Enough"/> is enough. Looks at names and
    /// at the heads of few files, never at a whole file; throws nothing for any content.
    /// </summary>
    int Recognise(ExportFiles files);

    /// <summary>Starts one import.</summary>
    ExportReader CreateReader(ExportFiles files, ExportOptions options);
}

/// <summary>One import of one export.</summary>
internal abstract class ExportReader
{
    /// <summary>The account that the export itself names; empty when it names none.</summary>
    public abstract string Account { get; }

    /// <summary>Why a file is not read for records; null when it is.</summary>
    public abstract string? WhyIgnored(ExportFile file);

    /// <summary>
    /// Does evidence hold this file, given the choice? The choice, but for files that say whose the export is or that back
    /// a check of a file that is chosen.
    /// </summary>
    public abstract bool IsEvidence(ExportFile file, Func<string, bool> includeFile);

    /// <summary>
    /// The records of one file, lazily. <see cref="InvalidDataException"/> ends this file with its message as the reason;
    /// single bad rows go to <paramref name="log"/>.
    /// </summary>
    public abstract IEnumerable<Record> Read(ExportFile file, FileLog log);

    /// <summary>The format's consistency checks, in fixed order. A file that cannot be read fails its check; only <see cref="ExportException"/> gets out.</summary>
    public abstract IEnumerable<ExportCheck> Checks();
}

/// <summary>The formats Trove reads.</summary>
internal static class ExportFormats
{
    /// <summary>Signals that make a recognition.</summary>
    public const int Enough = 3;

    public static readonly IReadOnlyList<IExportFormat> All =
    [
        new Reddit.RedditFormat(),
        new ChatGpt.ChatGptFormat(),
        new Amazon.AmazonFormat(),
        new Facebook.FacebookFormat(),
        new Instagram.InstagramFormat(),
        new LinkedIn.LinkedInFormat(),
        new Spotify.SpotifyFormat(),
        new X.XFormat(),
        new Claude.ClaudeFormat(),
        new Discord.DiscordFormat(),
        new Slack.SlackFormat(),
        new Telegram.TelegramFormat(),
        new WhatsApp.WhatsAppFormat(),
        new GoogleTakeout.GoogleFormat(),
    ];

    /// <summary>Formats that no platform owns, in the order in which they are tried once no platform's was recognised; the first that fits is taken.</summary>
    public static readonly IReadOnlyList<IExportFormat> Generic =
    [
        new Bookmarks.BookmarksFormat(),
        new Mbox.MboxFormat(),
        new Jsonl.JsonlFormat(),
        new Notes.NotesFormat(),
    ];
}
