using System.Security.Cryptography;
using System.Text;
using Trove.Crypto;

namespace Trove.Tests.Crypto;

public class PartTests
{
    private static readonly X25519Identity Asset = X25519Identity.Generate(), Other = X25519Identity.Generate();

    [Theory]
    [InlineData(0)]
    [InlineData(1000)]
    [InlineData(1_000_000)]
    public async Task Verifier_guardians_and_holder_read_the_same_part(int length)
    {
        var data = AgeFileTests.Data(length);
        var (part, file) = await Seal(data);
        using (part)
        {
            Assert.Equal(SHA256.HashData(file), part.CiphertextHash.ToArray());
            Assert.Equal(file.Length, part.CiphertextSize);
            int headerEnd = Encoding.Latin1.GetString(file).IndexOf('\n', Encoding.Latin1.GetString(file).IndexOf("\n--- ", StringComparison.Ordinal) + 1) + 1;
            Assert.Equal(SHA256.HashData(file.AsSpan(0, headerEnd)), part.HeaderHash.ToArray());

            Assert.Equal(data, await AgeFileTests.Decrypt(file, Asset));
            using var opened = await PartOpening.OpenAsync(new TrickleStream(file), Asset.Recipient, part.EphemeralSecret);
            Assert.Equal((part.EphemeralShare, part.HeaderHash), (opened.EphemeralShare, opened.HeaderHash));
            Assert.Equal(data, await ReadAll(opened.Plaintext));
            using var shared = Asset.Agree(part.EphemeralShare)!;
            using var released = await PartOpening.OpenWithSharedSecretAsync(new TrickleStream(file), Asset.Recipient, shared);
            Assert.Equal(data, await ReadAll(released.Plaintext));
        }
    }

    [Fact]
    public async Task SecretOfAnotherPart()
    {
        var (first, file) = await Seal([1]);
        var (second, _) = await Seal([1]);
        await Refused(AgeFailure.NoMatch, file, Asset.Recipient, second.EphemeralSecret);
        using var wrong = Asset.Agree(second.EphemeralShare)!;
        Assert.Equal(AgeFailure.NoMatch, (await Assert.ThrowsAsync<AgeException>(() => PartOpening.OpenWithSharedSecretAsync(new MemoryStream(file), Asset.Recipient, wrong))).Failure);
        await Refused(AgeFailure.NoMatch, file, Other.Recipient, first.EphemeralSecret);
    }

    // A second stanza could tell guardians and verifiers different things, or let someone else read.
    [Fact]
    public async Task TwoStanzas()
    {
        using var secret = SecretBytes.Random(32);
        await Refused(AgeFailure.Header, await AgeFileTests.Encrypt([1], false, Asset.Recipient, Other.Recipient), Asset.Recipient, secret);
    }

    [Fact]
    public async Task StanzaOfAnotherType()
    {
        using var secret = SecretBytes.Random(32);
        using var passphrase = new ScryptRecipient(SecretBytes.FromText("p"), 1);
        await Refused(AgeFailure.Header, await AgeFileTests.Encrypt([1], false, passphrase), Asset.Recipient, secret);
    }

    [Fact]
    public async Task Armored()
    {
        using var secret = SecretBytes.Random(32);
        await Refused(AgeFailure.Header, await AgeFileTests.Encrypt([1], true, Asset.Recipient), Asset.Recipient, secret);
    }

    [Fact]
    public async Task ChangedHeader()
    {
        var (part, file) = await Seal([1]);
        int mac = Encoding.Latin1.GetString(file).IndexOf("\n--- ", StringComparison.Ordinal) + 5;
        file[mac] = file[mac] == 'A' ? (byte)'B' : (byte)'A';
        await Refused(AgeFailure.Mac, file, Asset.Recipient, part.EphemeralSecret);
    }

    [Fact]
    public async Task Truncated()
    {
        var (part, file) = await Seal(AgeFileTests.Data(200_000));
        using var opened = await PartOpening.OpenAsync(new MemoryStream(file[..^1]), Asset.Recipient, part.EphemeralSecret);
        Assert.Equal(AgeFailure.Payload, (await Assert.ThrowsAsync<AgeException>(() => ReadAll(opened.Plaintext))).Failure);
    }

    private static async Task Refused(AgeFailure failure, byte[] file, X25519Recipient recipient, SecretBytes secret) =>
        Assert.Equal(failure, (await Assert.ThrowsAsync<AgeException>(() => PartOpening.OpenAsync(new MemoryStream(file), recipient, secret))).Failure);

    private static async Task<(SealedPart Part, byte[] File)> Seal(byte[] data)
    {
        var output = new MemoryStream();
        return (await SealedPart.CreateAsync(new MemoryStream(data), output, Asset.Recipient), output.ToArray());
    }

    private static async Task<byte[]> ReadAll(Stream stream)
    {
        var copy = new MemoryStream();
        await stream.CopyToAsync(copy);
        return copy.ToArray();
    }
}
