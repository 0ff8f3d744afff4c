using System.Runtime.InteropServices;
using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Crypto;

namespace Trove.Bench;

/// <summary>
/// Releasing parts at volume and evaluating a pseudorandom function, a second of one core, against what libsodium's own multiplication
/// of a point of edwards25519 does in the same run: <c>crypto_scalarmult_ed25519_noclamp</c>, which all of custody is made of. The
/// goals are shares of that, so that a busy machine does not move them: at 10,900 multiplications a second 0.73 is 8,000.
/// </summary>
public static class CustodyBench
{
    private const string PeerName = "libsodium 1.0.18 scalarmult_ed25519_noclamp";

    /// <summary>Each pair is ours, then as many raw multiplications.</summary>
    /// <param name="parts">Parts of a batch.</param>
    /// <param name="pairs">Measured pairs, after one that only warms up.</param>
    public static IEnumerable<BenchLine> Run(int parts = 500, int pairs = 7)
    {
        using var key = AssetKey.Deal(2, 3);
        var claims = new (byte[] Proof, Hash32 Share)[parts];
        var points = new ProvenPoint[parts];
        for (int k = 0; k < parts; k++)
        {
            using var secret = SecretBytes.Random(32);
            using var identity = X25519Identity.FromBytes(secret.Span);
            claims[k] = (ProofOfKnowledge.Create(secret, []), identity.Recipient.PublicKey);
            points[k] = ProvenPoint.Check(claims[k].Proof, claims[k].Share, []);
        }
        using PartialDecryptions first = key.Shares[0].Decrypt(points), second = key.Shares[1].Decrypt(points), third = key.Shares[2].Decrypt(points);
        var proof = key.Shares[0].Prove(points, first, []);
        using var single = PartialDecryption.Parse(First(first));
        var singleProof = key.Shares[0].Prove(points[0].Point, single, []);

        yield return Measure("proofs of knowledge checked, once a part", null, () => { foreach (var (p, share) in claims) ProvenPoint.Check(p, share, []); });
        yield return Measure("partial decryptions", 0.73, () => key.Shares[0].Decrypt(points).Dispose());
        yield return Measure("combinations 2 of 3, guardians 1 and 2", 0.73, () => key.Public.Combine([first, second]).Dispose());
        yield return Measure("combinations 2 of 3, guardians 1 and 3", 0.73, () => key.Public.Combine([first, third]).Dispose());
        yield return Measure("combinations 2 of 3, all compared", null, () => key.Public.Combine([first, second, third]).Dispose());
        yield return Measure("proofs on demand, batched", 0.41, () => key.Shares[0].Prove(points, first, []));
        yield return Measure("proofs on demand, one by one", null, () => { for (int k = 0; k < parts; k++) key.Shares[0].Prove(points[0].Point, single, []); });
        yield return Measure("verifications, batched", 0.28, () => Require(key.Public.Verify(points, first, proof, [])));
        yield return Measure("verifications, one by one", null, () => { for (int k = 0; k < parts; k++) Require(key.Public.Verify(points[0].Point, single, singleProof, [])); });

        // A pseudorandom function with one guardian: what each does is the same however many there are.
        var scalar = new byte[32];
        scalar[0] = 7;
        using var share = OprfShare.FromScalar(1, 1, scalar);
        var function = OprfKey.Create(1, [share.Commitment]);
        ReadOnlyMemory<byte>[] inputs = [.. Enumerable.Range(0, parts).Select(k => (ReadOnlyMemory<byte>)BitConverter.GetBytes(k))];
        using var blinding = OprfBlinding.Create(inputs);
        var evaluation = share.Evaluate(blinding.Blinded);
        yield return Measure("function: blinded inputs", null, () => OprfBlinding.Create(inputs).Dispose());
        yield return Measure("function: evaluations, proven", null, () => share.Evaluate(blinding.Blinded));
        yield return Measure("function: verifications", null, () => Require(function.Verify(blinding.Blinded.Span, evaluation)));
        yield return Measure("function: outputs, verified and unblinded", null, () => blinding.Finish(function, [evaluation]).Dispose());

        foreach (var (threshold, guardians) in new[] { (2, 3), (3, 5), (7, 10) })
            foreach (bool change in new[] { false, true })
                yield return Ceremony(threshold, guardians, change);

        BenchLine Measure(string what, double? goal, Action work)
        {
            var ours = new List<double>();
            var peer = new List<double>();
            for (int i = 0; i <= pairs; i++)
            {
                double mine = parts / Seconds(work), other = parts / Seconds(() => Raw(parts));
                if (i == 0)
                    continue; // warm-up
                ours.Add(mine);
                peer.Add(other);
            }
            double ratio = Median(ours.Zip(peer, (mine, other) => mine / other));
            return new BenchLine("custody", what, Median(ours), "/s", Median(peer), PeerName, ratio, goal, goal is null ? null : ratio >= goal);
        }
    }

    // All guardians and the coordinator on one core, without a network: what each computes is about the n-th part.
    private static BenchLine Ceremony(int threshold, int guardians, bool change)
    {
        List<SigningKey> keys = [.. Enumerable.Range(0, guardians).Select(_ => SigningKey.Generate())];
        List<EpochShares> shares = [];
        var contract = keys[0].Address;
        var committee = new Committee(1, threshold, [.. keys.Select(k => k.Address)]);
        var made = new CeremonyTranscript(CeremonyTerms.Create(1, contract, new Hash32(new byte[32]), committee));
        double seconds = Seconds(() => made = Hold(made.Terms, keys, shares));
        if (change)
        {
            var next = new Committee(2, threshold, committee.Guardians);
            var terms = CeremonyTerms.ChangeOf(1, contract, new Hash32(new byte[32]), committee, made.Key!.Commitments, made.OprfKey!.Commitments, made.Key.Recipient.PublicKey, next);
            seconds = Seconds(() => Hold(terms, keys, shares));
        }
        shares.ForEach(s => s.Dispose());
        keys.ForEach(k => k.Dispose());
        return new BenchLine("custody", string.Create(System.Globalization.CultureInfo.InvariantCulture, $"ceremony of {threshold} of {guardians}, {(change ? "change" : "creation")}: CPU of all"),
            Math.Round(seconds * 1000, 1), "ms", null, "none: no other system makes both keys", null, null, null);
    }

    // Takes the shares of a change's dealers, and leaves those of its members.
    private static CeremonyTranscript Hold(CeremonyTerms terms, List<SigningKey> keys, List<EpochShares> shares)
    {
        var coordinator = new CeremonyTranscript(terms);
        List<CeremonyParticipant> participants = [.. keys.Select((k, i) => CeremonyParticipant.Create(terms, k.Address, shares.Count == 0 ? null : shares[i]))];
        while (coordinator.Key is null)
        {
            foreach (var message in participants.Select((p, i) => p.Next(keys[i])!).ToList())
            {
                coordinator.Receive(message);
                participants.ForEach(p => p.Receive(message));
            }
            coordinator.Close();
            Require(coordinator.Failure is null);
            participants.ForEach(p => p.Receive(coordinator.Closings[^1]));
        }
        shares.ForEach(s => s.Dispose());
        shares.Clear();
        shares.AddRange(participants.Select(p => p.TakeShares(coordinator.Hash)));
        participants.ForEach(p => p.Dispose());
        return coordinator;
    }

    private static byte[] First(PartialDecryptions all)
    {
        using var bytes = all.Encode();
        return bytes.Span[..PartialDecryption.Size].ToArray();
    }

    private static void Raw(int count)
    {
        byte[] scalar = new byte[32], point = new byte[32], result = new byte[32];
        Array.Fill(scalar, (byte)7);
        // The base point: y = 4/5.
        Array.Fill(point, (byte)0x66);
        point[0] = 0x58;
        for (int i = 0; i < count; i++)
            Require(crypto_scalarmult_ed25519_noclamp(result, scalar, point) == 0);
    }

    private static void Require(bool holds)
    {
        if (!holds)
            throw new InvalidOperationException("custody computed something wrong: run its tests");
    }

    private static double Seconds(Action work)
    {
        // Of processor time, for one thread works: a machine that is busy elsewhere counts less.
        var before = Environment.CpuUsage.TotalTime;
        work();
        return (Environment.CpuUsage.TotalTime - before).TotalSeconds;
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    [DllImport("libsodium.so.23")]
    private static extern int crypto_scalarmult_ed25519_noclamp(byte[] q, byte[] n, byte[] p);
}
