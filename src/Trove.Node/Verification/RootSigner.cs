using System.Globalization;
using System.Text;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Core;
using Trove.Crypto;

namespace Trove.Node.Verification;

/// <summary>A verifier was asked to sign a root beside the one that it has signed: not signed.</summary>
public sealed class SecondRootException(string message) : Exception(message);

/// <summary>
/// Signs roots of epochs, one for each (chain, ledger, epoch, previous root, set of verifiers): whoever shows two takes away all that the
/// verifier has at stake (<c>Stakes.showTwoRoots</c>), and who loses the answer of a crashed verifier still has its signature.
/// </summary>
/// <param name="folder">Of this key alone. A verifier that moves takes it along.</param>
/// <param name="key">The verifier's key; the caller's to dispose.</param>
public sealed class RootSigner(string folder, SigningKey key)
{
    private readonly SigningMemory _memory = new(Path.Combine(folder, "roots"));

    /// <summary>The signature of a root, 65 bytes r, s, v; of the same root again the same.</summary>
    /// <exception cref="SecondRootException">Another one was signed, or what was signed cannot be told.</exception>
    /// <exception cref="IOException">It cannot be kept what is signed; nothing is.</exception>
    public byte[] Sign(ulong chainId, Address ledger, EpochRoot root)
    {
        var digest = ContractDigests.EpochRoot(chainId, ledger, root);
        var name = string.Create(CultureInfo.InvariantCulture, $"{chainId}-{ledger}-{root.Epoch}-{root.VerifierSetVersion}-{root.PreviousRoot.ToHex()}");
        // The contract compares what was signed, so two totals of one root are two.
        if (!_memory.TryKeep(name, Encoding.ASCII.GetBytes($"{root.Root} {digest}\n")))
            throw new SecondRootException(string.Create(CultureInfo.InvariantCulture,
                $"root {root.Root} for epoch {root.Epoch} of ledger {ledger} is not signed: another was, as {_memory.PathOf(name)} says, and who signs two loses its stake. Tell the founder; a new set of verifiers can sign anew"));
        return key.Sign(digest);
    }
}
