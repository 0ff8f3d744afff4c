using System.Text;
using Trove.Core;
using Trove.Crypto;
using Trove.Crypto.Dkim;
using static Trove.Tests.Fuzz.FuzzCheckException;
using static Trove.Tests.Fuzz.FuzzTarget;

namespace Trove.Tests.Fuzz;

/// <summary>age files, keys, parts, signatures and typed data.</summary>
internal static class CryptoTargets
{
    private static readonly byte[] Secret = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];
    private static readonly X25519Identity Identity = X25519Identity.Generate();
    private static readonly SecretBytes Passphrase = SecretBytes.FromText("correct horse");
    private static readonly IAgeIdentity[] Identities = [Identity, new ScryptIdentity(Passphrase, maxWorkFactor: 4)];
    private static readonly (byte[] File, SealedPart Sealed) Part = SealPart();
    private static readonly Hash32 Digest = Keccak256.Hash("digest"u8);

    private static readonly IReadOnlyList<byte[]> HeaderTokens = Text("-> ", "\n-> X25519 ", "-> scrypt ", "\n--- ", "---", "age-encryption.org/v1\n", "=", " ", "\n\n", "\r\n", "-> grease\n\n",
        new string('A', 64), new string('A', 64) + "\n\n", "-----BEGIN AGE ENCRYPTED FILE-----\n", "\n-----END AGE ENCRYPTED FILE-----");

    public static IEnumerable<FuzzTarget> All() =>
    [
        new("age-header", ["AgeHeader.Read", "Base64Strict.TryDecode", "Base64Strict.TryDecodePadded"], [Seal(false, Identity.Recipient), .. Text("age-encryption.org/v1\n-> X25519 abc\n" + new string('A', 43) + "\n--- " + new string('A', 43) + "\n")],
            Header, o => o is AgeHeader { Stanzas: [_, { Arguments.Count: > 2 }, ..] }, typeof(AgeException)) { Tokens = HeaderTokens },
        new("age-file", ["AgeFile.OpenAsync", "AgeFile.OpenPipeline", "X25519.ParseShare"], [Seal(false, Identity.Recipient, X25519Identity.Generate().Recipient), Seal(true, Identity.Recipient), Seal(false, new ScryptRecipient(Passphrase, 1)), Seal(true, new ScryptRecipient(Passphrase, 2))],
            File, o => o is AgeException { Failure: AgeFailure.Mac }, typeof(AgeException)) { Tokens = HeaderTokens, Cost = 4 },
        new("bech32", ["Bech32.TryDecode", "X25519Recipient.Parse"], [[.. Secret, 0, 0], [.. Secret, 7, 1]], Bech, o => o is (true, byte[] d) && d[31] == 0 && d[0] > 200),
        new("identity-file", ["IdentityFile.Parse", "X25519Identity.Parse"], [IdentityText(1), [.. IdentityText(2), .. "# a comment\n\n"u8]], i => Disposed(IdentityFile.Parse(i, "name")), o => o is int and 4, typeof(AgeException)),
        new("key-file", ["KeyFile.Parse"], [KeyText()], Key, o => o is Address address && IsPlanted(address), typeof(AgeException)) { Cost = 4 },
        new("passphrase", ["PassphraseSource.ReadLine"], Text("correct horse\n", "a\r\n"), Line, o => o is byte[] { Length: > 700 } line && line.AsSpan().Contains((byte)'\r'), typeof(FormatException)),
        new("part", ["PartOpening.OpenAsync", "PartOpening.OpenWithSharedSecretAsync", "PartOpening.Open"], [Part.File], OpenPart, o => o is AgeException { Failure: AgeFailure.Mac }, typeof(AgeException)) { Tokens = HeaderTokens, Cost = 4 },
        new("proof-of-knowledge", ["ProofOfKnowledge.Verify"], [Proof()], VerifyProof, o => o is (false, null, null), []) { Cost = 8 },
        new("signature", ["Secp256k1.Recover"], [Signature()], Recover, o => o is Address { } a && a.ToArray()[0] < 4) { Cost = 2 },
        new("dkim", ["DkimMessage.Read", "DkimSignature.Read", "DkimKey.Read", "DkimTags.Parse"], Text("DKIM-Signature: v=1; a=rsa-sha256; d=a.b; s=s; h=from : to; c=relaxed; bh=AAAA; b=AAAA\r\nFrom: a\r\nX: v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\r\n\r\nbody \r\n\r\n", "A: X\nB : Y\t\n\tZ\n\n C \n"), Dkim,
            o => o is (true, true)) { Tokens = Text("DKIM-Signature: ", "v=1; ", "; l=1", "; x=1", "; t=s", "; i=@a.b", "\r\n ", "\r\n", "p=", "k=rsa; ", "h=from:from", "c=simple/relaxed", "=", ";") },
        new("eip712", ["Eip712Struct"], Text("Withdraw(address owner,bytes32 contribution,uint256 deadline)", "Empty()"), Typed, o => o is Eip712Struct s && s.Type.Split(',').Length > 5 && s.Name.Length < 3, typeof(ArgumentException))
            { Tokens = Text("(", ")", ",", " ", "uint8 a", "address[] b,", "bytes32[] c", "uint264", "Inner(bool x)") },
    ];

    // The key's record stands in a field of the mail itself; the body without its end is hashed like the body.
    private static object Dkim(byte[] input)
    {
        if (DkimMessage.Read(input) is not { } mail)
            return false;
        foreach (bool relaxed in (ReadOnlySpan<bool>)[false, true])
        {
            var once = DkimCanonicalization.Body(mail.Body.Span, relaxed);
            Require(once.AsSpan().SequenceEqual(DkimCanonicalization.Body(once, relaxed)) && once.Length <= mail.Body.Length + 2, "canonical twice is not canonical");
            foreach (var field in mail.Fields)
            {
                var header = DkimCanonicalization.Header(field, relaxed: true);
                Require(header.EndsWith("\r\n", StringComparison.Ordinal) && header.IndexOf('\n') == header.Length - 1, "a field of several lines");
            }
        }
        var record = mail.Values("X").FirstOrDefault("");
        bool isKey = DkimKey.Read(record).Key is not null;
        var results = DkimVerifier.VerifyAsync(mail, (_, _) => Task.FromResult(new TxtAnswer([record], Failed: false)), DateTimeOffset.UnixEpoch, default).GetAwaiter().GetResult();
        Require(results.Count <= DkimVerifier.MaxSignatures && results.All(r => r.Outcome != DkimOutcome.Pass), "a forged signature passed");
        return (isKey, results.Any(r => r.Outcome == DkimOutcome.Policy));
    }

    private static AgeHeader Header(byte[] input)
    {
        var header = AgeHeader.Read(new StreamSource(new MemoryStream(input)), async: false, default).AsTask().GetAwaiter().GetResult();
        Require(input.AsSpan().StartsWith(header.Bytes.Span), "the header is not the bytes that were read");
        Require(header.Stanzas.Count is > 0 and <= AgeHeader.MaxStanzas, "stanzas without bound");
        return header;
    }

    private static object File(byte[] input)
    {
        using var plain = Targets.Wait(AgeFile.OpenAsync(new MemoryStream(input), Identities));
        var text = new MemoryStream();
        plain.CopyTo(text);
        Require(text.ToArray().AsSpan().SequenceEqual("what was sealed"u8), "another plaintext than was sealed");
        return text.Length;
    }

    // 32 bytes of data, then pairs (position, bits) of damage: the code finds any of up to four wrong characters (BIP 173).
    private static object? Bech(byte[] input)
    {
        if (input.Length < 32)
            return null;
        var text = new byte[Bech32.EncodedLength(3, 32)];
        Bech32.Encode("age"u8, input.AsSpan(0, 32), text);
        var damaged = text.ToArray();
        for (int i = 32; i + 1 < input.Length && i < 40; i += 2)
            damaged[input[i] % damaged.Length] ^= (byte)(input[i + 1] & 31);
        var data = new byte[32];
        bool read = Bech32.TryDecode(damaged, "age"u8, data);
        Require(read == damaged.AsSpan().SequenceEqual(text), "damage was not found, or found where there is none");
        Require(!read || (data.AsSpan().SequenceEqual(input.AsSpan(0, 32)) && X25519Recipient.Parse(Encoding.ASCII.GetString(text)).PublicKey == new Hash32(data)), "another key than was written");
        return (read, input[..32]);
    }

    private static int Disposed(IReadOnlyList<X25519Identity> identities)
    {
        foreach (var identity in identities)
            identity.Dispose();
        return identities.Count;
    }

    private static object Key(byte[] input)
    {
        using var key = KeyFile.Parse(input);
        using var text = key.Format();
        Require(text.Span.SequenceEqual(input), "not the text of the keys");
        return key.SigningKey.Address;
    }

    private static byte[] Line(byte[] input)
    {
        using var line = PassphraseSource.ReadLine(new MemoryStream(input), "name");
        Require(line.Length is > 0 and <= PassphraseSource.MaxLength && input.AsSpan().StartsWith(line.Span), "a passphrase that is not the first line");
        return line.Span.ToArray();
    }

    private static object OpenPart(byte[] input)
    {
        using var opening = Targets.Wait(PartOpening.OpenAsync(new MemoryStream(input), Identity.Recipient, Part.Sealed.EphemeralSecret));
        Require(opening.HeaderHash == Part.Sealed.HeaderHash && opening.EphemeralShare == Part.Sealed.EphemeralShare, "opened with another header");
        var text = new MemoryStream();
        opening.Plaintext.CopyTo(text);
        Require(text.ToArray().AsSpan().SequenceEqual("what was sealed"u8), "another plaintext than was sealed");
        return text.Length;
    }

    private static object VerifyProof(byte[] input)
    {
        bool holds = ProofOfKnowledge.Verify(input, Part.Sealed.EphemeralShare, "context"u8);
        Require(!holds || Edwards25519.Fault(input.AsSpan(0, 32)) is null, "a proof about a point that is none");
        return input.Length == ProofOfKnowledge.Size
            ? (holds, Edwards25519.Fault(input.AsSpan(0, 32)), Edwards25519.Fault(input.AsSpan(32, 32)))
            : (holds, ThresholdFailure.Encoding, ThresholdFailure.Encoding);
    }

    private static object? Recover(byte[] input) => Secp256k1.Recover(Digest, input) is { } signer ? signer : null;

    private static Eip712Struct Typed(byte[] input)
    {
        var typed = new Eip712Struct(Targets.Text(input));
        Require(typed.Type == Targets.Text(input) && typed.Type.StartsWith(typed.Name + "(", StringComparison.Ordinal), "another type");
        return typed;
    }

    private static byte[] Seal(bool armor, params IAgeRecipient[] to)
    {
        using var file = new MemoryStream();
        AgeFile.Encrypt(new MemoryStream("what was sealed"u8.ToArray()), file, to, armor, null, async: false, default).AsTask().GetAwaiter().GetResult();
        return file.ToArray();
    }

    private static (byte[], SealedPart) SealPart()
    {
        using var file = new MemoryStream();
        var part = Targets.Wait(SealedPart.CreateAsync(new MemoryStream("what was sealed"u8.ToArray()), file, Identity.Recipient));
        return (file.ToArray(), part);
    }

    private static byte[] IdentityText(int count)
    {
        using var text = Identity.ExportText();
        return [.. Enumerable.Repeat<byte[]>([.. text.Span, (byte)'\n'], count).SelectMany(t => t)];
    }

    // Not one of the keys, one in sixteen, that the planted bug is about.
    private static byte[] KeyText()
    {
        while (true)
        {
            using var key = KeyFile.Create();
            using var text = key.Format();
            if (!IsPlanted(key.SigningKey.Address))
                return text.Span.ToArray();
        }
    }

    private static bool IsPlanted(Address address) => address.ToArray()[0] < 16;

    private static byte[] Proof() => ProofOfKnowledge.Create(Part.Sealed.EphemeralSecret, "context"u8);

    private static byte[] Signature()
    {
        using var key = SigningKey.FromBytes(Secret);
        return key.Sign(Digest);
    }
}
