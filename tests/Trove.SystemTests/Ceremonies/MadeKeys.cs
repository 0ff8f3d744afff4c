using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Crypto;
using Trove.Node.Guardians;
using Trove.Node.Protocol;

namespace Trove.SystemTests.Ceremonies;

/// <summary>What a ceremony of a test's guardians made, without a relay: both keys, and the shares as each guardian keeps them.</summary>
internal sealed class MadeKeys
{
    // By registry and guardian: whoever starts a guardian gives it what it made.
    private static readonly Dictionary<(Address, Address), byte[]> Kept = [];

    private readonly CeremonyTranscript _done;

    private MadeKeys(CeremonyTranscript done) => _done = done;

    /// <summary>As a node would tell it.</summary>
    public CeremonyResult Result => new(_done.Hash, _done.Key!.Recipient.ToString(), _done.Key.Commitments, _done.OprfKey!.Commitments, [.. _done.Confirmations.Select(c => Hex.Encode(c))]);

    /// <summary>Holds a creation from its first message to its last.</summary>
    public static async Task<MadeKeys> MakeAsync(CeremonyTerms terms, IReadOnlyList<KeyFile> guardians)
    {
        var all = terms.Seats.Select(s => CeremonyParticipant.Create(terms, s.Guardian, null)).ToList();
        var coordinator = new CeremonyTranscript(terms);
        try
        {
            while (coordinator.Key is null)
            {
                List<CeremonyMessage> messages = [.. all.Select((p, i) => p.Next(guardians[i].SigningKey)!)];
                messages.ForEach(m => coordinator.Receive(m));
                coordinator.Close();
                foreach (var participant in all)
                {
                    messages.ForEach(m => participant.Receive(m));
                    participant.Receive(coordinator.Closings[^1]);
                }
            }
            foreach (var (participant, guardian) in all.Zip(guardians))
            {
                using var shares = participant.TakeShares(coordinator.Hash);
                using var encoded = shares.Encode();
                using var file = new MemoryStream();
                await AgeFile.EncryptAsync(new MemoryStream(encoded.Span.ToArray()), file, [guardian.Identity.Recipient]);
                lock (Kept)
                    Kept[(terms.Contract, guardian.SigningKey.Address)] = file.ToArray();
            }
            return new MadeKeys(coordinator);
        }
        finally
        {
            all.ForEach(p => p.Dispose());
        }
    }

    /// <summary>The sealed shares of a guardian.</summary>
    public static byte[] Sealed(Address registry, Address guardian)
    {
        lock (Kept)
            return Kept[(registry, guardian)];
    }

    /// <summary>Lays a guardian's shares into its folder, if there are none.</summary>
    public static void Give(string folder, Address registry, Address guardian)
    {
        Directory.CreateDirectory(folder);
        if (!File.Exists(ShareFile(folder, registry)))
            File.WriteAllBytes(ShareFile(folder, registry), Sealed(registry, guardian));
    }

    /// <summary>Where a guardian keeps its shares of the first committee.</summary>
    public static string ShareFile(string folder, Address registry) => Path.Combine(folder, $"share-{registry}-1.age");
}
