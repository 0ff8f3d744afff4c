using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Trove.Crypto;

namespace Trove.Tests.Crypto;

public class AgeFileTests
{
    private const int Chunk = 64 * 1024;
    private static readonly X25519Identity Alice = X25519Identity.Generate(), Bob = X25519Identity.Generate();

    // Around a chunk, a batch of eight, and the whole ring of four batches.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(Chunk - 1)]
    [InlineData(Chunk)]
    [InlineData(Chunk + 1)]
    [InlineData(8 * Chunk - 1)]
    [InlineData(8 * Chunk)]
    [InlineData(8 * Chunk + 1)]
    [InlineData(16 * Chunk)]
    [InlineData(32 * Chunk)]
    [InlineData(35 * Chunk + 12345)]
    public async Task Every_length_comes_back_binary_and_armored_piecemeal_and_whole(int length)
    {
        var data = Data(length);
        foreach (bool armor in (bool[])[false, true])
        {
            var file = await Encrypt(data, armor, Alice.Recipient, Bob.Recipient);
            Assert.Equal(data, await Decrypt(file, Alice));
            Assert.Equal(data, await Decrypt(file, Bob));
            var blocking = new MemoryStream();
            await AgeFile.EncryptAsync(new MemoryStream(data), blocking, [Bob.Recipient], armor);
            Assert.Equal(data, await Decrypt(blocking.ToArray(), Bob));
            var whole = new MemoryStream();
            await AgeFile.DecryptAsync(new MemoryStream(file), whole, [Bob]);
            Assert.Equal(data, whole.ToArray());
            using var stream = await AgeFile.OpenAsync(new TrickleStream(file), [Bob]);
            var copy = new MemoryStream();
            stream.CopyTo(copy, 4321); // the synchronous way of reading
            Assert.Equal(data, copy.ToArray());
        }
    }

    [Fact]
    public async Task Same_plaintext_never_gives_the_same_file() =>
        Assert.NotEqual(await Encrypt([1, 2, 3], false, Alice.Recipient), await Encrypt([1, 2, 3], false, Alice.Recipient));

    [Fact]
    public async Task Another_identity_is_told_so()
    {
        var file = await Encrypt(Data(10), false, Alice.Recipient);
        Assert.Equal(AgeFailure.NoMatch, (await Assert.ThrowsAsync<AgeException>(() => Decrypt(file, Bob))).Failure);
    }

    [Fact]
    public async Task Passphrase_opens_and_a_wrong_one_is_named_as_wrong()
    {
        using var recipient = new ScryptRecipient(SecretBytes.FromText("correct horse"), 4);
        var file = await Encrypt(Data(100), false, recipient);
        using var right = new ScryptIdentity(SecretBytes.FromText("correct horse"));
        using var wrong = new ScryptIdentity(SecretBytes.FromText("incorrect horse"));
        Assert.Equal(Data(100), await Decrypt(file, right));
        var refused = await Assert.ThrowsAsync<AgeException>(() => Decrypt(file, wrong));
        Assert.Equal(AgeFailure.NoMatch, refused.Failure);
        Assert.Contains("passphrase", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("horse", refused.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task PassphraseBesideAnotherRecipient()
    {
        using var recipient = new ScryptRecipient(SecretBytes.FromText("p"), 1);
        await Assert.ThrowsAsync<ArgumentException>(() => Encrypt([], false, recipient, Alice.Recipient));
        await Assert.ThrowsAsync<ArgumentException>(() => Encrypt([], false));
    }

    [Fact]
    public async Task LowOrderRecipient() => Assert.Equal(AgeFailure.Key,
        (await Assert.ThrowsAsync<AgeException>(() => Encrypt([], false, new X25519Recipient(default)))).Failure);

    // Every cut of a file of two chunks: never a success, and never anything but the beginning of the plaintext.
    [Fact]
    public async Task TruncatedAnywhere()
    {
        var data = Data(Chunk + 100);
        var file = await Encrypt(data, false, Alice.Recipient);
        int[] near = [.. Enumerable.Range(0, 260), .. Enumerable.Range(Chunk + 150, 80), .. Enumerable.Range(file.Length - 120, 120)];
        foreach (int length in near.Where(n => n < file.Length))
        {
            var output = new MemoryStream();
            await Assert.ThrowsAsync<AgeException>(() => AgeFile.DecryptAsync(new MemoryStream(file, 0, length), output, [Alice]));
            Assert.True(data.AsSpan().StartsWith(output.ToArray()) && output.Length is 0 or Chunk);
        }
    }

    [Theory]
    [InlineData(100)]
    [InlineData(Chunk)]
    [InlineData(8 * Chunk)]
    public async Task Extended(int length)
    {
        var file = await Encrypt(Data(length), false, Alice.Recipient);
        foreach (int extra in (int[])[1, 16, 17, Chunk + 16])
            Assert.Equal(AgeFailure.Payload, (await Assert.ThrowsAsync<AgeException>(() => Decrypt([.. file, .. new byte[extra]], Alice))).Failure);
    }

    [Fact]
    public async Task ChunksSwapped()
    {
        var file = await Encrypt(Data(3 * Chunk), false, Alice.Recipient);
        int payload = file.Length - 3 * (Chunk + 16);
        byte[] swapped = [.. file[..payload], .. file[(payload + Chunk + 16)..(payload + 2 * (Chunk + 16))], .. file[payload..(payload + Chunk + 16)], .. file[(payload + 2 * (Chunk + 16))..]];
        Assert.Equal(AgeFailure.Payload, (await Assert.ThrowsAsync<AgeException>(() => Decrypt(swapped, Alice))).Failure);
    }

    [Fact]
    public async Task HeaderWithoutEnd()
    {
        var endless = new EndlessStream("age-encryption.org/v1\n-> X25519 "u8.ToArray());
        Assert.Equal(AgeFailure.Header, (await Assert.ThrowsAsync<AgeException>(() => AgeFile.OpenAsync(endless, [Alice]))).Failure);
        Assert.InRange(endless.Given, 1, 2 * AgeHeader.MaxSize);
    }

    [Fact]
    public async Task MoreStanzasThanTheLimit()
    {
        var text = new StringBuilder("age-encryption.org/v1\n");
        for (int i = 0; i <= AgeHeader.MaxStanzas; i++)
            text.Append("-> other\n\n");
        text.Append("--- ").Append('A', 43).Append('\n');
        var e = await Assert.ThrowsAsync<AgeException>(() => Decrypt(Encoding.ASCII.GetBytes(text.ToString()), Alice));
        Assert.Equal(AgeFailure.Header, e.Failure);
        Assert.Contains("stanzas", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhitespaceWithoutEndBeforeArmor()
    {
        byte[] spaces = [.. Enumerable.Repeat((byte)' ', 5000), .. await Encrypt([1], true, Alice.Recipient)];
        await Assert.ThrowsAsync<AgeException>(() => Decrypt(spaces, Alice));
    }

    [Fact]
    public async Task ArmorLineWithoutEnd()
    {
        var endless = new EndlessStream("-----BEGIN AGE ENCRYPTED FILE-----\n"u8.ToArray());
        Assert.Equal(AgeFailure.Armor, (await Assert.ThrowsAsync<AgeException>(() => AgeFile.OpenAsync(endless, [Alice]))).Failure);
        Assert.InRange(endless.Given, 1, 100_000);
    }

    [Fact]
    public async Task Cancelled_between_batches()
    {
        using var cancel = new CancellationTokenSource();
        var progress = new CancelAfterFirst(cancel);
        var endless = new EndlessStream([]);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => AgeFile.EncryptAsync(endless, Stream.Null, [Alice.Recipient], progress: progress, cancel: cancel.Token));
        Assert.Equal(8 * Chunk, progress.First);
    }

    [Fact]
    public async Task Progress_ends_at_the_plaintext_size()
    {
        var seen = new Recorder();
        var file = new MemoryStream();
        await AgeFile.EncryptAsync(new MemoryStream(Data(20 * Chunk + 7)), file, [Alice.Recipient], progress: seen);
        Assert.Equal([8 * Chunk, 16 * Chunk, 20 * Chunk + 7], seen.Values);
        seen.Values.Clear();
        file.Position = 0;
        await AgeFile.DecryptAsync(file, Stream.Null, [Alice], seen);
        Assert.Equal([8 * Chunk, 16 * Chunk, 20 * Chunk + 7], seen.Values);
    }

    [Fact]
    public async Task Source_that_fails_is_reported_and_reading_can_be_given_up()
    {
        var file = await Encrypt(Data(40 * Chunk), false, Alice.Recipient);
        var stream = await AgeFile.OpenAsync(new MemoryStream(file), [Alice]);
        await stream.ReadExactlyAsync(new byte[10]);
        stream.Dispose(); // work is under way in the ring
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await stream.ReadExactlyAsync(new byte[10]));
        await Assert.ThrowsAsync<IOException>(() => AgeFile.EncryptAsync(new FailingStream(20 * Chunk), Stream.Null, [Alice.Recipient]));
    }

    // The bytes of the cancelled read are lost; going on must not skip them in silence.
    [Fact]
    public async Task Reading_on_after_a_cancelled_read_fails()
    {
        var file = await Encrypt(Data(40 * Chunk), false, Alice.Recipient);
        using var stream = await AgeFile.OpenAsync(new TrickleStream(file), [Alice]);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await stream.ReadExactlyAsync(new byte[1], new CancellationToken(canceled: true)));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await stream.ReadExactlyAsync(new byte[1]));
    }

    [Fact]
    public void Keys_print_and_parse_and_a_secret_is_never_printed()
    {
        Assert.Equal(Alice.Recipient.PublicKey, X25519Recipient.Parse(Alice.Recipient.ToString()).PublicKey);
        using var text = Alice.ExportText();
        using var again = X25519Identity.Parse(text.Span);
        Assert.Equal(Alice.Recipient.PublicKey, again.Recipient.PublicKey);
        Assert.Equal(Alice.Recipient.ToString(), Alice.ToString());
        // The example of c2sp.org/age.
        using var example = X25519Identity.Parse("AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"u8);
        Assert.Equal("age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj", example.Recipient.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("age1")]
    [InlineData("age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwk")] // checksum
    [InlineData("AGE1ZVKYG2LQZRAA2LNJVQEJ32NKUU0UES2S82HZRYE869XEEXVN73EQUNUJWJ")] // case
    [InlineData("age1Zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj")] // mixed case
    [InlineData("bge1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj")] // prefix
    [InlineData("age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj ")]
    [InlineData("AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX")]
    public void MalformedRecipient(string text)
    {
        Assert.Equal(AgeFailure.Key, Assert.Throws<AgeException>(() => X25519Recipient.Parse(text)).Failure);
        if (text.StartsWith("age", StringComparison.Ordinal))
            Assert.Throws<AgeException>(() => X25519Identity.Parse(Encoding.ASCII.GetBytes(text)));
    }

    [Fact]
    public void Any_change_of_one_character_of_a_key_is_noticed() => Prop.ForAll<int, byte>((at, letter) =>
    {
        var text = Alice.Recipient.ToString().ToCharArray();
        int i = (int)((at + 0x80000000L) % text.Length);
        char changed = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"[letter % 32];
        if (text[i] == changed)
            return true;
        text[i] = changed;
        return Record.Exception(() => X25519Recipient.Parse(new string(text))) is AgeException;
    }).QuickCheckThrowOnFailure();

    internal static byte[] Data(int length)
    {
        var data = new byte[length];
        new Random(length).NextBytes(data);
        return data;
    }

    internal static async Task<byte[]> Encrypt(byte[] data, bool armor, params IAgeRecipient[] recipients)
    {
        var output = new MemoryStream();
        await AgeFile.EncryptAsync(new TrickleStream(data), output, recipients, armor);
        return output.ToArray();
    }

    internal static async Task<byte[]> Decrypt(byte[] file, params IAgeIdentity[] identities)
    {
        var output = new MemoryStream();
        await AgeFile.DecryptAsync(new TrickleStream(file), output, identities);
        return output.ToArray();
    }

    private sealed class CancelAfterFirst(CancellationTokenSource source) : IProgress<long>
    {
        public long First { get; private set; }

        public void Report(long value)
        {
            First = value;
            source.Cancel();
        }
    }

    private sealed class Recorder : IProgress<long>
    {
        public List<long> Values { get; } = [];

        public void Report(long value) => Values.Add(value);
    }
}
