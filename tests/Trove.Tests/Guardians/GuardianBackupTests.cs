using System.Buffers.Binary;
using System.Text;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Guardians;

namespace Trove.Tests.Guardians;

/// <summary>A guardian's folder in one age file and back: whole or not at all, nothing outside of the folder, its log goes on.</summary>
public sealed class GuardianBackupTests : IDisposable
{
    private static readonly Address Guardian = new(Keccak256.Hash("guardian"u8).ToArray().AsSpan(12));
    private static readonly Address Registry = new(Keccak256.Hash("registry"u8).ToArray().AsSpan(12));
    private readonly string _root = Directory.CreateTempSubdirectory("trove-guardian-backup-").FullName;
    private readonly X25519Identity _owner = X25519Identity.Generate();

    private string Folder => Path.Combine(_root, "guardian");

    private string To => Path.Combine(_root, "restored");

    private string BackupFile => Path.Combine(_root, "backup.age");

    [Fact]
    public async Task Folder_comes_back_with_every_file_and_its_log_goes_on()
    {
        var log = Fill();
        File.WriteAllText(Path.Combine(Folder, "lock"), "");
        File.WriteAllText(Path.Combine(Folder, "guardian.key"), "never in a backup");
        File.WriteAllText(Path.Combine(Folder, $"share-{Registry}-3.age.new"), "unfinished");
        File.AppendAllText(Path.Combine(Folder, "releases.jsonl"), "{\"n\":"); // an entry that is being written
        var made = await MakeAsync();
        Assert.Equal((Guardian, 8, log.Count, log.Head), (made.Guardian, made.Files, made.Count, made.Head));
        Assert.DoesNotContain("guardian-log", Encoding.Latin1.GetString(File.ReadAllBytes(BackupFile)), StringComparison.Ordinal);
        var restored = await RestoreAsync();
        Assert.Equal((made.Guardian, made.Made, made.Bytes, made.Count, made.Head), (restored.Guardian, restored.Made, restored.Bytes, restored.Count, restored.Head));
        Assert.Equal(["ceremonies-ended", $"ceremony-{Registry}-2-{Keccak256.Hash("c"u8)}.age", "evaluated-assets", "evaluations-20261121", "factory", "releases.jsonl", $"share-{Registry}-1.age", $"share-{Registry}.age"], Names(To));
        foreach (var name in Names(To).Where(n => n != "releases.jsonl"))
            Assert.Equal(File.ReadAllBytes(Path.Combine(Folder, name)), File.ReadAllBytes(Path.Combine(To, name)));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(To));

        // The same chain, and it says that it was brought back.
        var again = GuardianLog.Open(To, Guardian, TimeProvider.System);
        Assert.Equal((1u, log.Count + 1), (again.Chain, again.Count));
        var entry = again.Newest().First();
        Assert.Equal((GuardianLogEntry.Restored, log.Head), (entry.Outcome, entry.Prev));
    }

    [Fact]
    public async Task Passphrase_opens_it_and_nothing_else_does()
    {
        Fill();
        using (var passphrase = new SecretBytes("of this test"u8))
        using (var recipient = new ScryptRecipient(passphrase, workFactor: 10))
            await GuardianBackup.MakeAsync(Folder, BackupFile, [recipient], TimeProvider.System, default);
        using (var other = new SecretBytes("another"u8))
        using (var identity = new ScryptIdentity(other))
            await Assert.ThrowsAsync<AgeException>(() => GuardianBackup.RestoreAsync(BackupFile, To, [identity], TimeProvider.System, default));
        Assert.False(Directory.Exists(To));
        using (var passphrase = new SecretBytes("of this test"u8))
        using (var identity = new ScryptIdentity(passphrase))
            await GuardianBackup.RestoreAsync(BackupFile, To, [identity], TimeProvider.System, default);
        Assert.Equal(8, Names(To).Count);
    }

    [Fact]
    public async Task Nothing_is_written_over()
    {
        Fill();
        await MakeAsync();
        Assert.Contains("nothing is written over", (await Assert.ThrowsAsync<IOException>(MakeAsync)).Message, StringComparison.Ordinal);
        Directory.CreateDirectory(To);
        var mine = Path.Combine(To, "mine");
        File.WriteAllText(mine, "stays");
        Assert.Contains("not empty", (await Assert.ThrowsAsync<IOException>(RestoreAsync)).Message, StringComparison.Ordinal);
        Assert.Equal("stays", File.ReadAllText(mine));
        File.Delete(mine);
        await RestoreAsync(); // an empty folder is taken
        ExpectNoLeftovers("backup.age", "guardian", "restored");
    }

    [Fact]
    public async Task Cut_or_changed_backup_leaves_nothing()
    {
        Fill();
        await MakeAsync();
        var whole = File.ReadAllBytes(BackupFile);
        var random = new Random(5);
        for (int i = 0; i < 60; i++)
        {
            var bytes = whole.ToArray();
            if (i % 2 == 0)
                bytes = bytes[..random.Next(bytes.Length)];
            else
                bytes[random.Next(bytes.Length)] ^= 1;
            File.WriteAllBytes(BackupFile, bytes);
            await Assert.ThrowsAnyAsync<Exception>(RestoreAsync);
            ExpectNoLeftovers("backup.age", "guardian");
        }
    }

    [Theory]
    [InlineData("../outside")]
    [InlineData("..")]
    [InlineData("/tmp/outside")]
    [InlineData("share-../../x.age")]
    [InlineData("sub/releases.jsonl")]
    [InlineData("releases.jsonl\n")]
    [InlineData("guardian.key")]
    [InlineData("releases-1.jsonl")]
    [InlineData("")]
    public async Task File_of_another_name_is_refused(string name)
    {
        Fill();
        await SealAsync([("releases.jsonl", File.ReadAllBytes(Path.Combine(Folder, "releases.jsonl"))), (name, [1])]);
        await Assert.ThrowsAsync<IOException>(RestoreAsync);
        ExpectNoLeftovers("backup.age", "guardian");
    }

    [Fact]
    public async Task Backup_that_says_too_much_or_too_little_is_refused()
    {
        Fill();
        var log = File.ReadAllBytes(Path.Combine(Folder, "releases.jsonl"));
        await RefusedAsync([("releases.jsonl", log), ("releases.jsonl", log)]); // twice
        await RefusedAsync([("releases.jsonl", log), ($"share-{Registry}-1.age", new byte[(64 << 10) + 1])]); // too large
        await RefusedAsync([]); // no log
        await RefusedAsync([("releases.jsonl", log[..^1])]); // torn
        await RefusedAsync([("releases.jsonl", [.. log.AsSpan(0, 20), (byte)'g', .. log.AsSpan(21)])]); // does not fit
        await RefusedAsync([("releases.jsonl", log)], Registry); // another guardian's
        await SealAsync([("releases.jsonl", log)], trailing: [0]);
        await Assert.ThrowsAsync<IOException>(RestoreAsync);
        await SealAsync([("releases.jsonl", log)]);
        await RestoreAsync(); // the same by hand, whole

        async Task RefusedAsync((string, byte[])[] files, Address? guardian = null)
        {
            await SealAsync(files, guardian);
            await Assert.ThrowsAsync<IOException>(RestoreAsync);
            ExpectNoLeftovers("backup.age", "guardian");
        }
    }

    [Fact]
    public async Task Folder_whose_log_does_not_fit_is_not_backed_up()
    {
        Fill();
        var path = Path.Combine(Folder, "releases.jsonl");
        var lines = File.ReadAllLines(path);
        File.WriteAllText(path, string.Concat(new[] { lines[0] }.Concat(lines[2..]).Select(l => l + "\n")));
        Assert.Contains("line 2", (await Assert.ThrowsAsync<IOException>(MakeAsync)).Message, StringComparison.Ordinal);
        ExpectNoLeftovers("guardian");
    }

    public void Dispose()
    {
        _owner.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    private GuardianLog Fill()
    {
        var log = GuardianLog.Open(Folder, Guardian, TimeProvider.System);
        for (int i = 0; i < 300; i++)
            log.Append(GuardianLogTests.Refusal($"reason {i}"));
        foreach (var name in new[] { $"share-{Registry}-1.age", $"share-{Registry}.age", $"ceremony-{Registry}-2-{Keccak256.Hash("c"u8)}.age", "ceremonies-ended", "evaluated-assets", "evaluations-20261121", "factory" })
            File.WriteAllText(Path.Combine(Folder, name), "sealed " + name);
        return log;
    }

    private Task<GuardianBackupInfo> MakeAsync() => GuardianBackup.MakeAsync(Folder, BackupFile, [_owner.Recipient], TimeProvider.System, default);

    private Task<GuardianBackupInfo> RestoreAsync() => GuardianBackup.RestoreAsync(BackupFile, To, [_owner], TimeProvider.System, default);

    // A backup as somebody makes it who knows the format.
    private async Task SealAsync((string Name, byte[] Bytes)[] files, Address? guardian = null, byte[]? trailing = null)
    {
        using var plain = new MemoryStream(Plain(guardian ?? Guardian, files, trailing ?? []));
        using var file = File.Create(BackupFile);
        await AgeFile.EncryptAsync(plain, file, [_owner.Recipient]);
    }

    internal static byte[] Plain(Address guardian, (string Name, byte[] Bytes)[] files, byte[] trailing)
    {
        using var plain = new MemoryStream();
        plain.Write("trove/guardian-backup/1\n"u8);
        plain.Write(guardian.ToArray());
        var number = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(number, 5);
        plain.Write(number);
        foreach (var (name, bytes) in files)
        {
            BinaryPrimitives.WriteUInt32BigEndian(number, (uint)name.Length);
            plain.Write(number, 0, 4);
            plain.Write(Encoding.ASCII.GetBytes(name));
            BinaryPrimitives.WriteUInt64BigEndian(number, (ulong)bytes.Length);
            plain.Write(number);
            plain.Write(bytes);
        }
        plain.Write(new byte[4]);
        plain.Write(trailing);
        return plain.ToArray();
    }

    private static List<string> Names(string folder) => [.. Directory.EnumerateFileSystemEntries(folder).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    private void ExpectNoLeftovers(params string[] names) => Assert.Equal(names, Names(_root));
}
