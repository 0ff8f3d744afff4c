using Trove.Core;
using Trove.Core.Ceremonies;

namespace Trove.Crypto;

/// <summary>
/// One guardian's signed message of one round. Signed as EIP-712 typed data with the guardian's registered key, so that whoever
/// relays it is trusted with nothing. Nothing in it is secret. Whether the signature is the author's is for
/// <see cref="CeremonyTranscript"/> to say, which knows the chain and the contract.
/// </summary>
public sealed class CeremonyMessage
{
    /// <summary>Longest encoded message in bytes.</summary>
    public const int MaxSize = 4096;

    private const string Domain = "trove/ceremony-message/1";

    private Hash32? _digest;

    private CeremonyMessage(Hash32 ceremony, CeremonyRound round, Address author, byte[] body, byte[] signature) =>
        (Ceremony, Round, Author, Body, Signature) = (ceremony, round, author, body, signature);

    /// <summary>Id of the ceremony.</summary>
    public Hash32 Ceremony { get; }

    /// <summary>For which round it is.</summary>
    public CeremonyRound Round { get; }

    /// <summary>Who is to have signed it.</summary>
    public Address Author { get; }

    /// <summary>What the round asks for, unchecked.</summary>
    internal byte[] Body { get; }

    /// <summary>65 bytes r || s || v, unchecked.</summary>
    internal byte[] Signature { get; }

    /// <summary>Reads an encoded message.</summary>
    /// <exception cref="CeremonyException">It is none.</exception>
    public static CeremonyMessage Parse(ReadOnlySpan<byte> bytes)
    {
        try
        {
            if (bytes.Length > MaxSize)
                throw new FormatException($"it is longer than {MaxSize} bytes");
            var reader = new CanonicalReader(bytes, Domain);
            var ceremony = reader.Hash();
            var round = (CeremonyRound)reader.Number((int)CeremonyRound.Confirm);
            var author = reader.Address();
            var body = reader.Data(MaxSize).ToArray();
            if (round == 0 || reader.Rest.Length != Secp256k1.SignatureSize)
                throw new FormatException($"it has no round, or no signature of {Secp256k1.SignatureSize} bytes at its end");
            return new CeremonyMessage(ceremony, round, author, body, reader.Rest.ToArray());
        }
        catch (FormatException e)
        {
            throw new CeremonyException($"this is not a message of a ceremony: {e.Message}; fetch it again");
        }
    }

    /// <summary>The encoded message.</summary>
    public byte[] Encode() =>
        [.. new CanonicalWriter(Domain).Hash(Ceremony).UInt32((uint)Round).Address(Author).Data(Body).Bytes, .. Signature];

    /// <summary>Signs a body; the same one always gives the same bytes (RFC 6979).</summary>
    internal static CeremonyMessage Sign(CeremonyTerms terms, CeremonyRound round, byte[] body, SigningKey key)
    {
        var unsigned = new CeremonyMessage(terms.Id, round, key.Address, body, []);
        return new CeremonyMessage(terms.Id, round, key.Address, body, key.Sign(unsigned.Digest(terms)));
    }

    /// <summary>The digest that is signed, and by which closings and the transcript name the message.</summary>
    /// <param name="terms">Those of <see cref="Ceremony"/>.</param>
    internal Hash32 Digest(CeremonyTerms terms) => _digest ??=
        Eip712.Digest(Eip712.DomainSeparator("Trove", "1", terms.ChainId, terms.Contract),
            new Eip712Struct("CeremonyMessage(bytes32 ceremony,uint8 round,address author,bytes body)")
                .Bytes32(Ceremony).Uint((uint)Round).Address(Author).Bytes(Body).Hash());
}

/// <summary>The coordinator's word on what a round closes with. It can make a ceremony fail or leave out a dealer, and no more.</summary>
/// <param name="Ceremony">Id of the ceremony.</param>
/// <param name="Round">The round that is closed.</param>
/// <param name="Digests">Digests of the messages, in any order.</param>
public sealed record CeremonyClosing(Hash32 Ceremony, CeremonyRound Round, IReadOnlyList<Hash32> Digests)
{
    /// <summary>Most messages of one round: a change from one whole committee to another.</summary>
    public const int MaxMessages = 2 * Committee.MaxGuardians;

    private const string Domain = "trove/ceremony-closing/1";

    /// <summary>Reads an encoded closing.</summary>
    /// <exception cref="CeremonyException">It is none.</exception>
    public static CeremonyClosing Parse(ReadOnlySpan<byte> bytes)
    {
        try
        {
            var reader = new CanonicalReader(bytes, Domain);
            var ceremony = reader.Hash();
            var round = (CeremonyRound)reader.Number((int)CeremonyRound.Confirm);
            var digests = new Hash32[reader.Number(MaxMessages)];
            for (int i = 0; i < digests.Length; i++)
                digests[i] = reader.Hash();
            reader.End();
            return round == 0 ? throw new FormatException("it names no round") : new CeremonyClosing(ceremony, round, digests);
        }
        catch (FormatException e)
        {
            throw new CeremonyException($"this does not close a round of a ceremony: {e.Message}; fetch it again");
        }
    }

    /// <summary>The encoded closing.</summary>
    public byte[] Encode()
    {
        var writer = new CanonicalWriter(Domain).Hash(Ceremony).UInt32((uint)Round).UInt32((uint)Digests.Count);
        foreach (var digest in Digests)
            writer.Hash(digest);
        return writer.Bytes.ToArray();
    }
}
