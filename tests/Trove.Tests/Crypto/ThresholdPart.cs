using Trove.Core;
using Trove.Crypto;

namespace Trove.Tests.Crypto;

/// <summary>A part as a member makes it: sealed to an asset's recipient, with its proof of knowledge for its contribution.</summary>
internal sealed class ThresholdPart : IDisposable
{
    public static readonly Address Ledger = Address.Parse("0x" + new string('2', 40)), Asset = Address.Parse("0x" + new string('1', 40)), Owner = Address.Parse("0x" + new string('a', 40));
    public static readonly Hash32 Contribution = Hash32.Parse(new string('c', 64));

    private readonly X25519Recipient _recipient;
    private readonly SealedPart _part;
    private readonly byte[] _file;

    private ThresholdPart(X25519Recipient recipient, SealedPart part, byte[] file, byte[] plaintext)
    {
        (_recipient, _part, _file, Plaintext) = (recipient, part, file, plaintext);
        Context = PartDescriptor.ProofContext(31337, Ledger, Asset, Contribution, Owner, HeaderHash);
        Proof = ProofOfKnowledge.Create(part.EphemeralSecret, Context);
    }

    public byte[] Plaintext { get; }

    public byte[] Context { get; }

    public byte[] Proof { get; }

    public Hash32 EphemeralShare => _part.EphemeralShare;

    public Hash32 HeaderHash => _part.HeaderHash;

    public static async Task<ThresholdPart> SealAsync(X25519Recipient recipient, byte[] plaintext)
    {
        var file = new MemoryStream();
        return new ThresholdPart(recipient, await SealedPart.CreateAsync(new MemoryStream(plaintext), file, recipient), file.ToArray(), plaintext);
    }

    public async Task<byte[]> OpenAsync(SecretBytes sharedSecret)
    {
        using var opening = await PartOpening.OpenWithSharedSecretAsync(new MemoryStream(_file), _recipient, sharedSecret);
        var copy = new MemoryStream();
        await opening.Plaintext.CopyToAsync(copy);
        return copy.ToArray();
    }

    public void Dispose() => _part.Dispose();
}
