using Trove.Core;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Node.Protocol;
using Trove.Node.Verification;

namespace Trove.Tests.Node;

/// <summary>A verifier gives one answer to a question, whatever it is shown when it is asked again.</summary>
public sealed class AttestationSignerTests : IDisposable
{
    private static readonly Attestation Facts = new(31337, Account(1), Account(2), Hash(1), Account(3), Hash(2), Hash(3), Hash(4), Hash(5), 100, 7, Hash(6), 1, Hash(7));
    private readonly string _folder = Directory.CreateTempSubdirectory("trove-attestations-").FullName;
    private readonly SigningKey _key = SigningKey.Generate();

    /// <summary>What the contract takes for another question: a verifier that refused these would stop for nothing (Attestations.t.sol).</summary>
    public static TheoryData<Attestation> OtherQuestions => new()
    {
        Facts with { ChainId = 1 }, Facts with { Ledger = Account(9) }, Facts with { Contribution = Hash(9) }, Facts with { PartsRoot = Hash(9) }, Facts with { AnnouncedBlock = 8 },
        Facts with { AnnouncedBlock = 1_000_000 }, Facts with { PolicyHash = Hash(9) }, Facts with { VerifierSetVersion = 2 }, Facts with { CodeVersion = Hash(9) },
    };

    public static TheoryData<Attestation> OtherAnswers => new()
    {
        Facts with { Words = 101 }, Facts with { TagsHash = Hash(9) }, Facts with { Nullifier = Hash(9) }, Facts with { EvidenceResultsHash = Hash(9) }, Facts with { Owner = Account(9) }, Facts with { Asset = Account(9) },
    };

    [Theory]
    [MemberData(nameof(OtherAnswers))]
    public void One_answer_to_a_question(Attestation other)
    {
        var signature = Signer().Sign(Facts);
        Assert.Equal(_key.Address, Secp256k1.Recover(Messages.Attest(Facts), signature));
        Assert.Equal("attested-otherwise", Assert.Throws<RefusedException>(() => Signer().Sign(other)).Code); // started again
        Assert.Equal(signature, Signer().Sign(Facts));
        Assert.Equal("attested-otherwise", Assert.Throws<RefusedException>(() => Signer().Sign(other)).Code);
    }

    [Theory]
    [MemberData(nameof(OtherQuestions))]
    public void Other_questions_have_answers_of_their_own(Attestation other)
    {
        Signer().Sign(Facts);
        Signer().Sign(other with { Words = 101 });
        Assert.Throws<RefusedException>(() => Signer().Sign(other));
    }

    [Fact]
    public void What_was_signed_is_kept_before_there_is_a_signature()
    {
        using var gone = SigningKey.Generate();
        var signer = new AttestationSigner(_folder, gone);
        gone.Dispose(); // as if the process had ended here
        Assert.Throws<ObjectDisposedException>(() => signer.Sign(Facts));
        Assert.Throws<RefusedException>(() => Signer().Sign(Facts with { Words = 101 }));
        Signer().Sign(Facts);
    }

    public void Dispose()
    {
        _key.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private AttestationSigner Signer() => new(_folder, _key);

    private static Address Account(byte value) => new(Enumerable.Repeat(value, Address.Size).ToArray());

    private static Hash32 Hash(byte value) => new(Enumerable.Repeat(value, Hash32.Size).ToArray());
}
