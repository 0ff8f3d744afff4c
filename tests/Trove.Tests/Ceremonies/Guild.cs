using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Crypto;
using Trove.Tests.Crypto;

namespace Trove.Tests.Ceremonies;

/// <summary>Guardians with their keys, and the terms of ceremonies among them.</summary>
internal static class Guild
{
    public static readonly Address Registry = Address.Parse("0x" + new string('7', 40));

    private static readonly SigningKey[] Keys = [.. Enumerable.Range(1, 24).Select(i => SigningKey.FromBytes(Keccak256.Hash([(byte)i]).ToArray()))];

    public static SigningKey Key(int guardian) => Keys[guardian];

    public static SigningKey Key(Address guardian) => Keys.Single(k => k.Address == guardian);

    public static Committee Committee(uint epoch, int threshold, params IReadOnlyList<int> guardians) => new(epoch, threshold, [.. guardians.Select(g => Keys[g].Address)]);

    public static CeremonyTerms Creation(Committee committee, byte nonce = 1) => CeremonyTerms.Create(31337, Registry, Keccak256.Hash([nonce]), committee);

    public static CeremonyTerms Change(Outcome old, Committee @new, byte nonce = 2) =>
        CeremonyTerms.ChangeOf(31337, Registry, Keccak256.Hash([nonce]), old.Committee, old.Key.Commitments, old.OprfKey.Commitments, old.Key.Recipient.PublicKey, @new);

    /// <summary>Keys of a committee by a dealer, which is faster than a ceremony.</summary>
    public static Outcome Deal(Committee committee)
    {
        using AssetKey custody = AssetKey.Deal(committee.Threshold, committee.Guardians.Count);
        var (oprf, shares, whole) = OprfTests.Deal(committee.Threshold, committee.Guardians.Count);
        whole.Dispose();
        return new Outcome(committee, custody.Public, oprf, [.. custody.Shares.Zip(shares, (c, o) =>
        {
            using (o)
                return EpochShares.Create(committee.Epoch, c.Index, c.Threshold, c.Scalar.Span, o.Scalar.Span);
        })]);
    }

    /// <summary>Everyone honest and nothing lost.</summary>
    public static Outcome Run(CeremonyTerms terms, IReadOnlyList<EpochShares> shares)
    {
        List<CeremonyParticipant> all = [.. terms.Seats.Select(s => CeremonyParticipant.Create(terms, s.Guardian, terms.Old is null || s.Dealer == 0 ? null : shares[s.Dealer - 1]))];
        var coordinator = new CeremonyTranscript(terms);
        try
        {
            while (all[0].Transcript.Key is null)
            {
                List<CeremonyMessage> messages = [.. all.Select(p => p.Next(Key(p.Guardian))).OfType<CeremonyMessage>()];
                Assert.NotEmpty(messages);
                foreach (var message in messages)
                {
                    Assert.False(coordinator.Complete);
                    Assert.Equal(CeremonyIntake.Taken, coordinator.Receive(message));
                    Assert.All(all, p => Assert.Equal(CeremonyIntake.Taken, p.Receive(message)));
                }
                Assert.True(coordinator.Complete);
                coordinator.Close();
                Assert.All(all, p => Assert.Equal(CeremonyIntake.Taken, p.Receive(coordinator.Closings[^1])));
            }
            Assert.All(all, p => Assert.Empty(p.Transcript.Findings));
            Assert.All(all, p => Assert.Equal(all[0].Transcript.Hash, p.Transcript.Hash));
            return new Outcome(terms.New, coordinator.Key!, coordinator.OprfKey!, [.. terms.New.Guardians.Select(g => all.Single(p => p.Guardian == g).TakeShares(coordinator.Hash))]);
        }
        finally
        {
            all.ForEach(p => p.Dispose());
        }
    }
}

/// <summary>What came of a ceremony: shares of guardian 1 first.</summary>
internal sealed record Outcome(Committee Committee, ThresholdKey Key, OprfKey OprfKey, IReadOnlyList<EpochShares> Shares) : IDisposable
{
    public void Dispose()
    {
        foreach (var shares in Shares)
            shares.Dispose();
    }
}
