using System.Text;
using Trove.Crypto;

namespace Trove.Tests.Crypto;

public sealed class KeyFileTests : IDisposable
{
    private const int LowWork = 2;
    private readonly string _folder = Directory.CreateTempSubdirectory("trove-keys-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Saved_keys_come_back_and_the_file_is_an_ordinary_age_file_of_three_lines()
    {
        using var passphrase = SecretBytes.FromText("trove");
        using var keys = KeyFile.Create();
        string path = Path.Combine(_folder, "member.key");
        keys.Save(path, passphrase, LowWork);

        using var loaded = KeyFile.Load(path, passphrase);
        Assert.Equal(keys.SigningKey.Address, loaded.SigningKey.Address);
        Assert.Equal(keys.Identity.Recipient.PublicKey, loaded.Identity.Recipient.PublicKey);
        Assert.Equal(["member.key"], Directory.EnumerateFileSystemEntries(_folder).Select(Path.GetFileName));
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));

        using var identity = new ScryptIdentity(passphrase);
        var lines = Encoding.ASCII.GetString(await AgeFileTests.Decrypt(File.ReadAllBytes(path), identity)).Split('\n');
        Assert.Equal(4, lines.Length);
        Assert.Equal("trove-key/1", lines[0]);
        Assert.Equal(keys.SigningKey.Address, Secp256k1.AddressOf(Trove.Core.Hex.Decode(lines[1]["secp256k1 ".Length..])));
        Assert.StartsWith("AGE-SECRET-KEY-1", lines[2], StringComparison.Ordinal);
        Assert.Equal($"{keys.SigningKey.Address} {keys.Identity.Recipient}", keys.ToString());
    }

    [Fact]
    public void WrongPassphrase()
    {
        string path = Save();
        using var wrong = SecretBytes.FromText("wrong");
        var e = Assert.Throws<AgeException>(() => KeyFile.Load(path, wrong));
        Assert.Equal(AgeFailure.NoMatch, e.Failure);
        Assert.Contains(path, e.Message, StringComparison.Ordinal);
        Assert.Contains("passphrase", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ExistingFileIsKept()
    {
        string path = Save();
        var before = File.ReadAllBytes(path);
        using var keys = KeyFile.Create();
        using var passphrase = SecretBytes.FromText("trove");
        Assert.Throws<IOException>(() => keys.Save(path, passphrase, LowWork));
        Assert.Equal(before, File.ReadAllBytes(path));
        Assert.Single(Directory.EnumerateFileSystemEntries(_folder));
    }

    [Fact]
    public void LongerThanAKeyFile()
    {
        string path = Path.Combine(_folder, "long");
        File.WriteAllBytes(path, new byte[KeyFile.MaxSize + 1]);
        using var passphrase = SecretBytes.FromText("trove");
        Assert.Equal(AgeFailure.Key, Assert.Throws<AgeException>(() => KeyFile.Load(path, passphrase)).Failure);
    }

    [Theory]
    [InlineData("")]
    [InlineData("trove-key/2\nsecp256k1 0000000000000000000000000000000000000000000000000000000000000001\nAGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX\n")]
    [InlineData("trove-key/1\nsecp256k1 0000000000000000000000000000000000000000000000000000000000000000\nAGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX\n")]
    [InlineData("trove-key/1\nsecp256k1 000000000000000000000000000000000000000000000000000000000000000A\nAGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX\n")]
    [InlineData("trove-key/1\nsecp256k1 000000000000000000000000000000000000000000000000000000000000000g\nAGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX\n")]
    [InlineData("trove-key/1\nsecp256k1 0000000000000000000000000000000000000000000000000000000000000001\nAGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEY\n")]
    [InlineData("trove-key/1\nsecp256k1 0000000000000000000000000000000000000000000000000000000000000001\nAGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX")]
    public async Task SealedTextIsNoKeyFile(string text)
    {
        using var passphrase = SecretBytes.FromText("trove");
        using var recipient = new ScryptRecipient(passphrase, LowWork);
        string path = Path.Combine(_folder, "other");
        File.WriteAllBytes(path, await AgeFileTests.Encrypt(Encoding.ASCII.GetBytes(text), true, recipient));
        var e = Assert.Throws<AgeException>(() => KeyFile.Load(path, passphrase));
        Assert.Equal(AgeFailure.Key, e.Failure);
        Assert.DoesNotContain("GFPYY", e.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("secret", "secret")]
    [InlineData("secret\n", "secret")]
    [InlineData("secret\r\nsecond line\n", "secret")]
    [InlineData(" spaces stay \n", " spaces stay ")]
    [InlineData("\r", "\r")]
    public void Passphrase_is_the_first_line(string content, string expected)
    {
        string path = Path.Combine(_folder, "passphrase");
        File.WriteAllText(path, content);
        using var passphrase = PassphraseSource.FromFile(path);
        Assert.Equal(expected, Encoding.UTF8.GetString(passphrase.Span));
        using var file = File.OpenRead(path);
        using var again = PassphraseSource.FromDescriptor((int)file.SafeFileHandle.DangerousGetHandle());
        Assert.Equal(expected, Encoding.UTF8.GetString(again.Span));
        Assert.False(file.SafeFileHandle.IsClosed);
        file.Position = 0; // still usable
    }

    [Fact]
    public void PassphraseEmptyOrTooLong()
    {
        string path = Path.Combine(_folder, "passphrase");
        foreach (var content in (string[])["", "\n", "\r\n", "\nsecond", new string('x', 1025), new string('x', 1025) + "\n", new string('x', 100_000)])
        {
            File.WriteAllText(path, content);
            Assert.Contains(path, Assert.Throws<FormatException>(() => PassphraseSource.FromFile(path)).Message, StringComparison.Ordinal);
        }
        File.WriteAllText(path, new string('x', 1024) + "\r\n");
        using var longest = PassphraseSource.FromFile(path);
        Assert.Equal(1024, longest.Length);
    }

    [Fact]
    public void Identity_files_have_comments_and_errors_name_the_line()
    {
        const string key = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
        string path = Path.Combine(_folder, "identities");
        File.WriteAllText(path, $"# created: today\r\n# public key: age1…\r\n{key}\r\n\n{key}");
        Assert.Equal(2, IdentityFile.Load(path).Count);
        foreach (var bad in (string[])[$"{key}\n{key}X\n", "# none\n", "", new string('#', IdentityFile.MaxSize + 1), string.Concat(Enumerable.Repeat(key + "\n", 129))])
        {
            File.WriteAllText(path, bad);
            var e = Assert.Throws<AgeException>(() => IdentityFile.Load(path));
            Assert.Equal(AgeFailure.Key, e.Failure);
            Assert.DoesNotContain("GFPYY", e.ToString(), StringComparison.Ordinal);
        }
        File.WriteAllText(path, $"{key}\n{key}X\n");
        Assert.Contains("line 2", Assert.Throws<AgeException>(() => IdentityFile.Load(path)).Message, StringComparison.Ordinal);
    }

    private string Save() => Save(out _);

    private string Save(out string publicHalves)
    {
        using var passphrase = SecretBytes.FromText("trove");
        using var keys = KeyFile.Create();
        string path = Path.Combine(_folder, "member.key");
        keys.Save(path, passphrase, LowWork);
        publicHalves = keys.ToString();
        return path;
    }
}
