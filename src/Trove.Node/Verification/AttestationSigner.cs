using System.Globalization;
using System.Text;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Node.Protocol;

namespace Trove.Node.Verification;

/// <summary>
/// Signs attestations, one for each question: whoever shows two takes away all that the verifier has at stake
/// (<c>Stakes.showTwoAttestations</c>), and a node can ask again with other evidence of the same parts, or after a page or a key of a mail
/// has changed.
/// </summary>
/// <param name="folder">Of this key alone. A verifier that moves takes it along.</param>
/// <param name="key">The verifier's key; the caller's to dispose.</param>
public sealed class AttestationSigner(string folder, SigningKey key)
{
    private readonly SigningMemory _memory = new(Path.Combine(folder, "attestations"));

    /// <summary>The signature of facts, 65 bytes r, s, v; of the same facts again the same.</summary>
    /// <exception cref="RefusedException">Others were signed, or what was signed cannot be told.</exception>
    /// <exception cref="IOException">It cannot be kept what is signed; nothing is.</exception>
    public byte[] Sign(Attestation facts)
    {
        var digest = Messages.Attest(facts);
        // A folder for some thousand blocks: what is too old to be asked for again can be thrown away.
        var name = string.Create(CultureInfo.InvariantCulture, $"{facts.ChainId}-{facts.Ledger}/{facts.AnnouncedBlock / VerifierProcess.MaxAge}/{AttestationStatement.Question(facts).ToHex()}");
        if (!_memory.TryKeep(name, Encoding.ASCII.GetBytes($"{digest}\n")))
            throw new RefusedException("attested-otherwise", "a verifier has signed other facts of this contribution before, and signs one answer: contribute again");
        return key.Sign(digest);
    }
}
