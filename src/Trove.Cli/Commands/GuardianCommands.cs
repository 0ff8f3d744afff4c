using System.CommandLine;
using System.Globalization;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Guardians;
using Trove.Node.Protocol;

namespace Trove.Cli.Commands;

/// <summary>What a guardian's operator does with its folder: look at its log and state, back it up, bring it back. The process itself is <see cref="ServeCommands.Guardian"/>.</summary>
internal static class GuardianCommands
{
    public static Command Log()
    {
        var folder = Folder();
        var verify = new Option<bool>("--verify") { Description = "Check every line of every chain against the line before; the first that does not fit is named" };
        var node = new Option<string?>("--node") { Description = "With --verify: each head that this guardian published at the node must be in its log" };
        var asset = new Option<string?>("--asset") { Description = "Only entries about this asset (address)" };
        var outcome = new Option<string?>("--outcome") { Description = "Only entries with this outcome: begun, released, joined, confirmed, shares-taken, shares-destroyed, refused, alarm, restored" };
        var limit = new Option<int>("--limit") { Description = "Most entries to list, the newest", DefaultValueFactory = _ => 50 };
        var command = new Command("log", "Lists the newest entries of a guardian's log, or checks all of it.") { folder, verify, node, asset, outcome, limit };
        command.SetAction(async (r, ct) =>
        {
            var path = r.GetValue(folder)!.FullName;
            bool json = r.GetValue(Shared.Json);
            if (r.GetValue(verify))
                return await VerifyAsync(path, r.GetValue(node), json, ct);
            if (r.GetValue(node) is not null)
                throw new CommandException("--node is for --verify", "say --verify, which compares the log with what was published there");
            Address? about = r.GetValue(asset) is { } text ? VoteCommands.ParseAddress(text) : null;
            var files = RequireLog(path);
            var found = GuardianLogReader.Newest(files).Where(e => (about is null || e.Asset == about) && (r.GetValue(outcome) is not { } word || e.Outcome == word))
                .Take(Math.Max(0, r.GetValue(limit))).Reverse().ToList();
            if (json)
                Shared.PrintJson(found);
            else
                foreach (var entry in found)
                    Console.WriteLine(Line(entry));
            return 0;
        });
        return command;
    }

    public static Command Status()
    {
        var folder = Folder();
        var node = new Option<string?>("--node") { Description = "Ask this node which head was published" };
        var command = new Command("status", "What a guardian holds and did: shares, last release, refusals and alarms of the last day, head. Exit code 1 while there is an alarm, or when the published head is not in the log.") { folder, node };
        command.SetAction(async (r, ct) =>
        {
            var path = r.GetValue(folder)!.FullName;
            var status = GuardianStatus.Read(path, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
            LogHeadInfo? published = null;
            bool? fits = null;
            if (r.GetValue(node) is { } url)
            {
                using var client = Shared.Client(url);
                var heads = await SignedHeadsAsync(client, status.Guardian, (c, g) => client.NewestLogHeadsAsync(g, c), ct);
                published = heads.OrderByDescending(h => h.Chain).ThenByDescending(h => h.Count).FirstOrDefault();
                fits = published is null || Missing(path, heads, ct).Count == 0;
            }
            if (r.GetValue(Shared.Json))
                Shared.PrintJson(new { status, published, publishedFits = fits });
            else
            {
                Console.WriteLine($"guardian      {status.Guardian}");
                foreach (var share in status.Shares)
                    Console.WriteLine($"share         {share}");
                foreach (var ceremony in status.Ceremonies)
                    Console.WriteLine($"ceremony      {ceremony}");
                Console.WriteLine($"log           {status.Count} entries of chain {status.Chain}, head {status.Head}");
                Console.WriteLine($"last release  {(status.LastRelease is { } last ? Line(last) : "none")}");
                Console.WriteLine($"last day      {status.Releases} releases of {status.Parts} parts, {status.Evaluations} questions of verifiers answered");
                foreach (var (code, count) in status.Refusals)
                    Console.WriteLine($"refused       {count} as {Shared.Safe(code)}");
                foreach (var alarm in status.Alarms)
                    Console.WriteLine($"ALARM         {Line(alarm)}");
                if (fits is not null)
                    Console.WriteLine(published is null ? "published     nothing yet" : $"published     {published.Count} entries of chain {published.Chain}{(fits.Value ? "" : ", AND IT IS NOT IN THIS LOG")}");
            }
            return status.Alarms.Count > 0 || fits == false ? 1 : 0;
        });
        return command;
    }

    public static Command Backup()
    {
        var folder = Folder();
        var to = new Option<FileInfo>("--to") { Description = "The backup to be; it must not be there", Required = true };
        var recipient = new Option<string?>("--recipient", "-r") { Description = "age recipient (age1…) whose identity is kept away from this machine" };
        var (passphraseFile, passphraseFd) = (Shared.PassphraseFile(), Shared.PassphraseFd());
        var command = new Command("backup", "Copies a guardian's folder into one age file: shares and states of ceremonies, which stay sealed to the guardian's key within it, and the log. "
            + "The key file is NOT in it: keep a copy of that elsewhere, since either without the other is worth nothing, to you as to a thief. Destroy older backups after the committee has changed: they hold the old shares.")
        {
            folder, to, recipient, passphraseFile, passphraseFd,
        };
        command.SetAction(async (r, ct) =>
        {
            bool usePassphrase = r.GetValue(passphraseFile) is not null || r.GetValue(passphraseFd) is not null;
            if (r.GetValue(recipient) is not null == usePassphrase)
                throw new CommandException("a backup is sealed either to a recipient or with a passphrase", "give --recipient age1… or --passphrase-file");
            using var passphrase = usePassphrase ? Shared.ReadPassphrase(r.GetValue(passphraseFile), r.GetValue(passphraseFd)) : null;
            using var scrypt = passphrase is null ? null : new ScryptRecipient(passphrase);
            IAgeRecipient sealTo = scrypt is null ? X25519Recipient.Parse(r.GetValue(recipient)!) : scrypt;
            var file = r.GetValue(to)!.FullName;
            Print(r, await GuardianBackup.MakeAsync(r.GetValue(folder)!.FullName, file, [sealTo], TimeProvider.System, ct), file);
            return 0;
        });
        return command;
    }

    public static Command Restore()
    {
        var from = new Option<FileInfo>("--from") { Description = "The backup", Required = true };
        var folder = Folder();
        folder.Description = "The guardian's folder to be: empty or not there. A guardian started with --data D works in D/guardian-ADDRESS";
        var identity = new Option<FileInfo?>("--identity", "-i") { Description = "File with the age identity (AGE-SECRET-KEY-1…) of the backup's recipient" };
        var (passphraseFile, passphraseFd) = (Shared.PassphraseFile(), Shared.PassphraseFd());
        var command = new Command("restore", "Brings a guardian's folder back from a backup, whole or not at all. Never run two of one guardian: stop the other for good first. "
            + "What it answers with is decided by the chain, however old the backup; where entries of its log were published that the backup has not, it says so and begins another chain.")
        {
            from, folder, identity, passphraseFile, passphraseFd,
        };
        command.SetAction(async (r, ct) =>
        {
            bool usePassphrase = r.GetValue(passphraseFile) is not null || r.GetValue(passphraseFd) is not null;
            if (r.GetValue(identity) is not null == usePassphrase)
                throw new CommandException("a backup is opened either with an identity or with a passphrase", "give --identity FILE or --passphrase-file");
            using var passphrase = usePassphrase ? Shared.ReadPassphrase(r.GetValue(passphraseFile), r.GetValue(passphraseFd)) : null;
            List<IAgeIdentity> with = passphrase is null ? [.. IdentityFile.Load(r.GetValue(identity)!.FullName)] : [new ScryptIdentity(passphrase)];
            try
            {
                var path = r.GetValue(folder)!.FullName;
                Print(r, await GuardianBackup.RestoreAsync(r.GetValue(from)!.FullName, path, with, TimeProvider.System, ct), path);
                return 0;
            }
            finally
            {
                foreach (var one in with)
                    (one as IDisposable)?.Dispose();
            }
        });
        return command;
    }

    /// <summary>The limits that a guardian keeps, as options of its command.</summary>
    internal sealed class Limits
    {
        private static readonly GuardianLimits Default = new();
        private readonly Option<string> _grantReleases = Pair("--grant-releases", "Most releases of one grant", Default.Grant.ReleasesPerHour, Default.Grant.ReleasesPerDay);
        private readonly Option<string> _grantParts = Pair("--grant-parts", "Most parts of one grant", Default.Grant.PartsPerHour, Default.Grant.PartsPerDay);
        private readonly Option<string> _assetReleases = Pair("--asset-releases", "Most releases of one asset", Default.Asset.ReleasesPerHour, Default.Asset.ReleasesPerDay);
        private readonly Option<string> _assetParts = Pair("--asset-parts", "Most parts of one asset", Default.Asset.PartsPerHour, Default.Asset.PartsPerDay);

        public void AddTo(Command command)
        {
            foreach (var option in new[] { _grantReleases, _grantParts, _assetReleases, _assetParts })
                command.Options.Add(option);
        }

        public GuardianLimits Of(ParseResult r) => new() { Grant = Limit(r, _grantReleases, _grantParts), Asset = Limit(r, _assetReleases, _assetParts) };

        private static ReleaseLimit Limit(ParseResult r, Option<string> releases, Option<string> parts)
        {
            var ((hour, day), (partsHour, partsDay)) = (Numbers(releases, r.GetValue(releases)!, int.MaxValue), Numbers(parts, r.GetValue(parts)!, long.MaxValue / 4));
            return new ReleaseLimit((int)hour, (int)day, partsHour, partsDay);
        }

        private static Option<string> Pair(string name, string what, long hour, long day) => new(name)
        {
            Description = $"{what} within an hour, and within a day; what is more is refused and logged", HelpName = "HOUR,DAY", DefaultValueFactory = _ => string.Create(CultureInfo.InvariantCulture, $"{hour},{day}"),
        };

        private static (long Hour, long Day) Numbers(Option<string> option, string text, long most) => text.Split(',') is [var h, var d]
            && long.TryParse(h, NumberStyles.None, CultureInfo.InvariantCulture, out long hour) && long.TryParse(d, NumberStyles.None, CultureInfo.InvariantCulture, out long day)
            && hour is > 0 && day >= hour && day <= most
                ? (hour, day)
                : throw new CommandException($"{option.Name} takes two numbers above 0, of an hour and of a day", "write such as 60,600");
    }

    private static Option<DirectoryInfo> Folder() => new("--folder") { Description = "The guardian's own folder: guardian-ADDRESS below its --data", Required = true };

    private static void Print(ParseResult r, GuardianBackupInfo info, string path)
    {
        if (r.GetValue(Shared.Json))
            Shared.PrintJson(new { path, backup = info });
        else
            Console.WriteLine($"{path}: guardian {info.Guardian} as of {DateTimeOffset.FromUnixTimeMilliseconds(info.Made):u}, {info.Files} files, {info.Count} entries of chain {info.Chain}, head {info.Head}. Its key file is not among them");
    }

    private static IReadOnlyList<(uint Chain, string Path)> RequireLog(string folder)
    {
        var files = GuardianLog.Files(folder);
        return files.Count > 0 ? files : throw new CommandException($"{folder} has no log of a guardian", "give the guardian's own folder, guardian-ADDRESS below its --data");
    }

    private static async Task<int> VerifyAsync(string folder, string? node, bool json, CancellationToken ct)
    {
        var checks = RequireLog(folder).Select(f => GuardianLogReader.Check(f.Path, f.Chain, null, ct)).ToList();
        bool whole = checks.All(c => c.Wrong is null) && checks.Select(c => c.Guardian).Distinct().Count() == 1;
        List<LogHeadInfo> missing = [], heads = [];
        if (node is not null && whole)
        {
            using var client = Shared.Client(node);
            heads = await SignedHeadsAsync(client, checks[0].Guardian, (c, g) => client.LogHeadsAsync(g, c), ct);
            missing = Missing(folder, heads, ct);
        }
        if (json)
            Shared.PrintJson(new { fits = whole && missing.Count == 0, chains = checks, publishedHeads = node is null ? (int?)null : heads.Count, missing });
        else
        {
            foreach (var c in checks)
                Console.WriteLine(c.Wrong is { } line
                    ? $"chain {c.Chain}: line {line} does not fit: {Shared.Safe(c.Why!)}. {c.Count} entries before it do, head {c.Head}"
                    : $"chain {c.Chain}: {c.Count} entries, head {c.Head}{(c.Torn > 0 ? $"; {c.Torn} bytes behind the last are of an entry that is being written, or that a power failure broke off" : "")}");
            if (!whole && checks.All(c => c.Wrong is null))
                Console.WriteLine("the chains are of different guardians");
            if (node is not null && whole)
                Console.WriteLine(missing.Count == 0 ? $"all {heads.Count} published heads are in it" : $"of {heads.Count} published heads {missing.Count} are not in it:");
            foreach (var head in missing)
                Console.WriteLine($"  {head.Count} entries of chain {head.Chain}, head {head.Head}, signed {DateTimeOffset.FromUnixTimeMilliseconds(head.Time):u}{(head.Contradicts ? "; the guardian signed another one for as many entries too" : "")}");
        }
        return whole && missing.Count == 0 ? 0 : 1;
    }

    private static async Task<List<LogHeadInfo>> SignedHeadsAsync(TroveClient client, Address guardian, Func<CancellationToken, Address, Task<List<LogHeadInfo>>> ask, CancellationToken ct)
    {
        ulong chainId = (await client.InfoAsync(ct)).ChainId;
        var heads = await ask(ct, guardian);
        return heads.TrueForAll(h => h.IsSignedBy(guardian, chainId)) ? heads
            : throw new CommandException($"{client.Node} shows heads that {guardian} did not sign", "ask another node: this one lies");
    }

    // Published heads that are not in the log where they should be.
    private static List<LogHeadInfo> Missing(string folder, List<LogHeadInfo> heads, CancellationToken ct)
    {
        var wanted = heads.GroupBy(h => (h.Chain, h.Count)).ToDictionary(g => g.Key, g => g.ToList());
        var missing = heads.ToHashSet();
        foreach (var (chain, path) in GuardianLog.Files(folder))
            GuardianLogReader.Check(path, chain, (entry, hash) =>
            {
                if (wanted.TryGetValue((chain, entry.N), out var here))
                    missing.ExceptWith(here.Where(h => h.Head == hash));
            }, ct);
        return [.. missing.OrderBy(h => h.Chain).ThenBy(h => h.Count)];
    }

    private static string Line(GuardianLogEntry e) => Shared.Safe(string.Create(CultureInfo.InvariantCulture,
        $"{e.N,6}  {DateTimeOffset.FromUnixTimeMilliseconds(Math.Min(e.At, DateTimeOffset.MaxValue.ToUnixTimeMilliseconds())):u}  {e.Outcome,-16}{(e.Asset is { } a ? $" asset {a}" : "")}{(e.Request is { } q ? $" use {e.Use} of {q}" : "")}{(e.Verifier is { } v ? $" question of {v}{(e.Contribution is { } k ? $" for {k}" : " for the key of record tags")}" : "")}{(e.Registry is { } g ? $" committee {e.CommitteeEpoch} of registry {g}{(e.Ceremony is { } m ? $", ceremony {m}" : "")}" : "")}{(e.Parts is { } p ? $", {p} parts" : "")}{(e.Lost is { } l ? $" after {l.Count} published entries of chain {l.Chain}, which are lost" : "")}{(e.Code is { } c ? $" {c}" : "")}{(e.Reason is { } why ? $": {why}" : "")}"));
}
