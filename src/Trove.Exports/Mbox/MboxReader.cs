using Trove.Exports.Source;

namespace Trove.Exports.Mbox;

/// <summary>Reads files of mail.</summary>
internal sealed class MboxReader : ExportReader
{
    private readonly ExportOptions _options;
    private readonly Dictionary<ExportFile, MboxFiles.Sort> _sorts;
    private readonly MailAccount _account;
    private readonly MailReader _mails;
    private bool _told;

    public MboxReader(ExportFiles files, ExportOptions options)
    {
        _options = options;
        _sorts = files.All.Where(file => file.IsReadable).ToDictionary(file => file, MboxFiles.Of);
        _account = MailAccount.Find(Mails, options.Limits);
        _mails = new MailReader(MboxFiles.Platform, Account.Length > 0 ? Account : options.Me, options.Limits.RowLength);
    }

    public override string Account => _account.Address;

    private IEnumerable<ExportFile> Mails => _sorts.Where(pair => pair.Value != MboxFiles.Sort.None).Select(pair => pair.Key).OrderBy(file => file.Name, StringComparer.Ordinal);

    public override string? WhyIgnored(ExportFile file) => _sorts.GetValueOrDefault(file) != MboxFiles.Sort.None ? null
        : "it does not begin as mail does";

    public override bool IsEvidence(ExportFile file, Func<string, bool> includeFile) => includeFile(file.Name);

    public override IEnumerable<ExportCheck> Checks() => new MailChecks(Mails, Account.Length > 0 ? Account : _options.Me, _options.Limits).Run(MboxFiles.Platform);

    public override IEnumerable<Record> Read(ExportFile file, FileLog log)
    {
        if (!_told && Account.Length > 0)
            log.Warn($"the account is {_account.Source}: mailboxes do not say whose they are");
        _told = true;
        return _mails.Read(file, log);
    }
}
