using System.Globalization;
using System.Text;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Durability;
using Trove.Core;
using Trove.Crypto;

namespace Trove.Node.Verification;

/// <summary>A verifier was asked to sign a root beside the one that it has signed: not signed.</summary>
public sealed class SecondRootException(string message) : Exception(message);

/// <summary>
/// Signs roots of epochs, one for each (chain, ledger, epoch, previous root, set of verifiers): whoever shows two takes away all that the
/// verifier has at stake (<c>Stakes.showTwoRoots</c>), and who loses the answer of a crashed verifier still has its signature. So what
/// is signed is on disk before the signature is there at all.
/// </summary>
public sealed class RootSigner
{
    private const int LockTries = 100;
    private static readonly TimeSpan LockPause = TimeSpan.FromMilliseconds(50);

    private readonly string _folder;
    private readonly SigningKey _key;

    /// <summary>A signer whose memory is the folder; it is made if it is not there.</summary>
    /// <param name="folder">Of this key alone. A verifier that moves takes it along.</param>
    /// <param name="key">The verifier's key; the caller's to dispose.</param>
    /// <exception cref="IOException">The folder cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder is somebody else's.</exception>
    public RootSigner(string folder, SigningKey key)
    {
        (_folder, _key) = (Path.Combine(Path.GetFullPath(folder), "roots"), key);
        Directory.CreateDirectory(_folder);
        DurableFile.SyncFolder(Path.GetDirectoryName(_folder)!);
        DurableFile.SyncFolder(Path.GetDirectoryName(Path.GetDirectoryName(_folder))!);
    }

    /// <summary>The signature of a root, 65 bytes r, s, v; of the same root again the same.</summary>
    /// <exception cref="SecondRootException">Another one was signed, or what was signed cannot be told.</exception>
    /// <exception cref="IOException">It cannot be kept what is signed; nothing is.</exception>
    public byte[] Sign(ulong chainId, Address ledger, EpochRoot root)
    {
        var digest = ContractDigests.EpochRoot(chainId, ledger, root);
        var file = Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"{chainId}-{ledger}-{root.Epoch}-{root.VerifierSetVersion}-{root.PreviousRoot.ToHex()}"));
        // The contract compares what was signed, so two totals of one root are two.
        var signed = Encoding.ASCII.GetBytes($"{root.Root} {digest}\n");
        using (Lock())
        {
            if (!File.Exists(file))
                DurableFile.Write(file, target => target.Write(signed));
            else if (new FileInfo(file).Length != signed.Length || !File.ReadAllBytes(file).AsSpan().SequenceEqual(signed))
                throw new SecondRootException(string.Create(CultureInfo.InvariantCulture,
                    $"root {root.Root} for epoch {root.Epoch} of ledger {ledger} is not signed: another was, as {file} says, and who signs two loses its stake. Tell the founder; a new set of verifiers can sign anew"));
        }
        return _key.Sign(digest);
    }

    // Of two processes with one key each would find nothing signed.
    private FileStream Lock()
    {
        for (int attempt = 1; ; attempt++)
            try
            {
                return new FileStream(Path.Combine(_folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (attempt < LockTries)
            {
                Thread.Sleep(LockPause);
            }
    }
}
