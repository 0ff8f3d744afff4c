using Trove.Core;
using Trove.Crypto;
using Trove.Node.Evaluations;
using Trove.Node.Protocol;
using static Trove.Tests.Fuzz.FuzzCheckException;

namespace Trove.Tests.Fuzz;

/// <summary>Shares of a key, partial decryptions and their proofs, as guardians and strangers send them.</summary>
internal static class ThresholdTargets
{
    private static readonly AssetKey Key = AssetKey.Deal(2, 3);
    private static readonly X25519Identity Ephemeral = X25519Identity.Generate();
    private static readonly byte[] Knowledge;
    private static readonly List<PartialDecryption> Partials;
    private static readonly byte[] Proof, BatchProof;
    private static readonly List<ProvenPoint> Points = [];
    private static readonly List<PartialDecryptions> Answers;
    private static readonly AssetKey FunctionDealing = AssetKey.Deal(2, 3);
    private static readonly List<OprfShare> FunctionShares;
    private static readonly OprfBlinding Blinding = OprfBlinding.Create([new byte[] { 1 }, new byte[] { 2 }]);
    private static readonly OprfKey Function;
    private static readonly byte[] Evaluation;
    private static readonly EpochShares Both;
    private static readonly VerifierDraw Draw = new(default, default, default, default);
    private static readonly byte[] Draws;

    static ThresholdTargets()
    {
        using var secret = SecretBytes.Random(32);
        Knowledge = ProofOfKnowledge.Create(secret, "context"u8);
        var share = X25519.Share(secret.Span);
        Partials = [.. Key.Shares.Select(s => s.Decrypt(Knowledge, share, "context"u8))];
        Proof = Key.Shares[0].Prove(ProofOfKnowledge.PointOf(Knowledge), Partials[0], "use"u8);
        for (int k = 0; k < 2; k++)
        {
            using var another = SecretBytes.Random(32);
            Points.Add(ProvenPoint.Check(ProofOfKnowledge.Create(another, "context"u8), X25519.Share(another.Span), "context"u8));
        }
        Answers = [.. Key.Shares.Select(s => s.Decrypt(Points))];
        BatchProof = Key.Shares[0].Prove(Points, Answers[0], "use"u8);

        FunctionShares = [.. FunctionDealing.Shares.Select(s => OprfShare.FromScalar(s.Index, 2, Bytes(s.Encode()).AsSpan()[^32..]))];
        Function = OprfKey.Create(2, [.. FunctionShares.Select(s => s.Commitment)]);
        Both = EpochShares.Create(7, 1, 2, Key.Shares[0].Scalar.Span, FunctionShares[0].Scalar.Span);
        Evaluation = FunctionShares[0].Evaluate(Blinding.Blinded).Encode();
        Draws = [.. FunctionShares.Take(2).SelectMany(s => s.Evaluate(Draw.Element).Encode())];
    }

    public static IEnumerable<FuzzTarget> All() =>
    [
        new("guardian-share", ["GuardianShare.Parse"], [Bytes(Key.Shares[0].Encode()), Bytes(Key.Shares[2].Encode())], Share, o => o is (9, _), typeof(ThresholdException)),
        new("partial-decryption", ["PartialDecryption.Parse"], [Bytes(Partials[0].Encode())], Partial, o => o is 16, typeof(ThresholdException)),
        new("threshold-key", ["ThresholdKey.Create"], [[2, .. Key.Public.Commitments.SelectMany(c => c.ToArray())], [1, .. Key.Public.Commitments[0].ToArray()]], Create,
            o => o is ThresholdException { Failure: ThresholdFailure.Repeated }, typeof(ThresholdException)) { Record = 32, Cost = 20 },
        new("combine", ["ThresholdKey.Combine"], [[.. Bytes(Partials[0].Encode()), .. Bytes(Partials[1].Encode())], [.. Bytes(Partials[2].Encode()), .. Bytes(Partials[0].Encode())]], Combine,
            o => o is ThresholdException { Failure: ThresholdFailure.Repeated }, typeof(ThresholdException)) { Record = PartialDecryption.Size, Cost = 20 },
        new("decryption-proof", ["ThresholdKey.Verify"], [[.. Proof, .. Bytes(Partials[0].Encode())]], Verify, o => o is (false, true), typeof(ThresholdException)) { Cost = 8 },
        new("partial-decryptions", ["PartialDecryptions.Parse"], [Bytes(Answers[0].Encode()), Bytes(Answers[1].Encode())], Several, o => o is (9, _), typeof(ThresholdException)) { Record = 32 },
        new("batch-proof", ["ThresholdKey.Verify"], [[.. BatchProof, .. Bytes(Answers[0].Encode())]], VerifySeveral, o => o is (false, true), typeof(ThresholdException)) { Cost = 20 },
        new("oprf-share", ["OprfShare.Parse", "OprfShare.FromScalar"], [Bytes(FunctionShares[0].Encode()), Bytes(FunctionShares[2].Encode())], FunctionShare, o => o is (9, _), typeof(ThresholdException)) { Cost = 2 },
        new("epoch-shares", ["EpochShares.Parse"], [Bytes(Both.Encode())], EpochShare, o => o is (>= 0x01000000u, 9, _), typeof(ThresholdException)) { Cost = 2 },
        new("oprf-key", ["OprfKey.Create"], [[2, .. Function.Commitments.SelectMany(c => c.ToArray())], [1, .. Function.PublicKey.ToArray()]], CreateFunction,
            o => o is ThresholdException { Failure: ThresholdFailure.Repeated }, typeof(ThresholdException)) { Record = 32, Cost = 4 },
        new("oprf-evaluation", ["OprfEvaluation.Parse", "OprfKey.Verify"], [Evaluation], Evaluated, o => o is (false, true), typeof(ThresholdException)) { Cost = 20 },
        new("verifier-draw", ["VerifierDraw.Seed"], [[1, .. Draws]], Drawn, o => o is (false, 2), typeof(ThresholdException)) { Cost = 20 },
        new("oprf-blinded", ["OprfShare.Evaluate"], [Blinding.Blinded.ToArray()], Evaluate, o => o is 3, typeof(ThresholdException)) { Record = 32, Cost = 20 },
    ];

    private static object Share(byte[] input)
    {
        using var share = GuardianShare.Parse(input);
        using var again = share.Encode();
        Require(again.Span.SequenceEqual(input), "not the canonical bytes");
        return (share.Index, share.Threshold);
    }

    private static object Partial(byte[] input)
    {
        using var partial = PartialDecryption.Parse(input);
        using var again = partial.Encode();
        Require(again.Span.SequenceEqual(input), "not the canonical bytes");
        return partial.Index;
    }

    private static object Create(byte[] input)
    {
        if (input.Length == 0)
            return 0;
        var key = ThresholdKey.Create(input[0], [.. input.Skip(1).Chunk(32).Where(c => c.Length == 32).Select(c => new Hash32(c))], Key.Public.Recipient);
        Require(key.Threshold <= key.Guardians, "more are needed than there are");
        return key.Guardians;
    }

    private static object Combine(byte[] input)
    {
        var partials = input.Chunk(PartialDecryption.Size).Select(c => PartialDecryption.Parse(c)).ToList();
        using var secret = Key.Public.Combine(partials);
        return partials.Count;
    }

    // Whatever the proof, and whatever the point: false, or the very one.
    private static object? Verify(byte[] input)
    {
        if (input.Length < ThresholdKey.ProofSize)
            return null;
        using var partial = PartialDecryption.Parse(input.AsSpan(ThresholdKey.ProofSize));
        bool holds = Key.Public.Verify(ProofOfKnowledge.PointOf(Knowledge), partial, input.AsSpan(0, ThresholdKey.ProofSize), "use"u8);
        Require(!holds || (partial.Index == 1 && partial.Point.FixedTimeEquals(Partials[0].Point.Span)), "a proof of a wrong decryption holds");
        return (holds, Edwards25519.Fault(partial.Point.Span) is null && partial.Index != 1);
    }

    private static object Several(byte[] input)
    {
        using var answer = PartialDecryptions.Parse(input);
        using var again = answer.Encode();
        Require(again.Span.SequenceEqual(input), "not the canonical bytes");
        Require(answer.Count is >= 1 and <= Batch.MaxItems, "a batch without bound");
        return (answer.Index, answer.Count);
    }

    // False, or the very ones.
    private static object? VerifySeveral(byte[] input)
    {
        if (input.Length < ThresholdKey.ProofSize)
            return null;
        using var answer = PartialDecryptions.Parse(input.AsSpan(ThresholdKey.ProofSize));
        if (answer.Count != Points.Count)
            return null;
        bool holds = Key.Public.Verify(Points, answer, input.AsSpan(0, ThresholdKey.ProofSize), "use"u8);
        Require(!holds || (answer.Index == 1 && answer.Points.FixedTimeEquals(Answers[0].Points.Span)), "a proof of a wrong decryption holds");
        return (holds, Edwards25519.Fault(Batch.Item(answer.Points.Span, 0)) is null && answer.Index != 1);
    }

    private static object FunctionShare(byte[] input)
    {
        using var share = OprfShare.Parse(input);
        using var again = share.Encode();
        Require(again.Span.SequenceEqual(input), "not the canonical bytes");
        return (share.Index, share.Threshold);
    }

    private static object EpochShare(byte[] input)
    {
        using var shares = EpochShares.Parse(input);
        using var again = shares.Encode();
        Require(again.Span.SequenceEqual(input), "not the canonical bytes");
        Require(shares.Custody.Index == shares.Oprf.Index && shares.Custody.Threshold == shares.Oprf.Threshold, "shares of two guardians");
        return (shares.Epoch, shares.Index, shares.Threshold);
    }

    private static object CreateFunction(byte[] input)
    {
        if (input.Length == 0)
            return 0;
        var key = OprfKey.Create(input[0], [.. input.Skip(1).Chunk(32).Where(c => c.Length == 32).Select(c => new Hash32(c))]);
        Require(key.Threshold <= key.Guardians, "more are needed than there are");
        return key.Guardians;
    }

    private static object Evaluated(byte[] input)
    {
        var evaluation = OprfEvaluation.Parse(input);
        Require(evaluation.Encode().AsSpan().SequenceEqual(input), "not the canonical bytes");
        bool holds = Function.Verify(Blinding.Blinded.Span, evaluation);
        Require(!holds || input.AsSpan().SequenceEqual(Evaluation), "a proof of a wrong evaluation holds");
        return (holds, evaluation.Count == 2 && evaluation.Index != 1);
    }

    // A byte for the committee's epoch, then evaluations; what is no base64 is shown by the tests.
    private static object Drawn(byte[] input)
    {
        uint epoch = input.Length == 0 ? 0u : input[0];
        var seed = Draw.Seed(1, Function, new DrawProof(epoch, Convert.ToBase64String(input.AsSpan(Math.Min(1, input.Length)))));
        Require(seed is null || input.AsSpan(1).SequenceEqual(Draws), "a proof of another draw holds");
        return (seed is not null, (int)epoch);
    }

    private static object Evaluate(byte[] input)
    {
        var evaluation = FunctionShares[0].Evaluate(input);
        Require(Function.Verify(input, evaluation), "an evaluation of its own does not hold");
        return evaluation.Count;
    }

    private static byte[] Bytes(SecretBytes secret)
    {
        using (secret)
            return secret.Span.ToArray();
    }
}
