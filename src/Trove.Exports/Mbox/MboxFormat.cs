using Trove.Exports.Source;

namespace Trove.Exports.Mbox;

/// <summary>
/// Mail as most programs keep or export it: an mbox, in which <c>From</c> at a line's beginning parts mails and is quoted inside of them
/// (mboxrd), or a file for each mail (<c>.eml</c>):
/// <code>
/// From 1658000000000000001@xxx Mon Feb 10 22:12:47 +0000 2020
/// X-Gmail-Labels: Sent,Reeds
/// Message-ID: &lt;a1@mail.example.org&gt;
/// Date: Mon, 10 Feb 2020 23:12:47 +0100
/// From: Ida Brook &lt;ida@example.org&gt;
///
/// The tide is out.
/// &gt;From here on it rises.
/// </code>
/// </summary>
internal sealed class MboxFormat : IExportFormat
{
    private const int HeadsRead = 64;

    public string Platform => MboxFiles.Platform;

    public string Expects => "mbox or .eml files of mail";

    /// <summary>A file that begins as mail does; those inside of a platform's export are the platform's, which is asked first.</summary>
    public int Recognise(ExportFiles files) =>
        files.All.Where(file => file.IsReadable && MboxFiles.MayBeMail(file.Name)).Take(HeadsRead).Any(file => MboxFiles.Of(file) != MboxFiles.Sort.None) ? ExportFormats.Enough : 0;

    public ExportReader CreateReader(ExportFiles files, ExportOptions options) => new MboxReader(files, options);
}
