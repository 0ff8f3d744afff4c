using Trove.Core;
using Trove.Core.Ceremonies;

namespace Trove.Crypto;

/// <summary>
/// One guardian in a ceremony, dealer or new member or both (specs/custody.md, "Ceremony"). All its secrets follow from one seed
/// and all its messages from the seed and from what it has taken: seal <see cref="Encode"/> to disk before a message of
/// <see cref="Next"/> goes out, and whoever is killed and starts again sends the same bytes. Destroy the state when the ceremony is
/// over: it decrypts every share that was dealt to this guardian. Prints its address only.
/// </summary>
public sealed class CeremonyParticipant : IDisposable
{
    /// <summary>Longest encoded state in bytes.</summary>
    public const int MaxSize = 1 << 20;

    private const string Domain = "trove/ceremony-state/1";
    private const uint IsMessage = 1, IsClosing = 2;
    private const int MaxEntries = 2 * 4 * CeremonyClosing.MaxMessages + 4;

    // What is derived from the seed.
    private const byte PointLabel = 1, CoefficientLabel = 2, NonceLabel = 3;

    private static ReadOnlySpan<byte> SecretDomain => "trove/ceremony/secret/1"u8;

    private readonly List<(uint Kind, byte[] Bytes)> _log = [];
    private readonly int _seat;
    private readonly SecretBytes _seed;
    private readonly GuardianShare? _share;
    private (CeremonyRound Round, CeremonyMessage Message)? _next;

    private CeremonyParticipant(CeremonyTranscript transcript, int seat, SecretBytes seed, GuardianShare? share) =>
        (Transcript, _seat, _seed, _share) = (transcript, seat, seed, share);

    /// <summary>What this guardian has seen. Hand messages to the participant, which also remembers them.</summary>
    public CeremonyTranscript Transcript { get; }

    /// <summary>Whose seat it is.</summary>
    public Address Guardian => Seat.Guardian;

    private CeremonyTerms Terms => Transcript.Terms;
    private Seat Seat => Terms.Seats[_seat];

    /// <summary>Takes a seat, with fresh randomness.</summary>
    /// <param name="terms">Taken from the registry, not from the relay.</param>
    /// <param name="guardian">The own registered address.</param>
    /// <param name="share">Of a change, the old guardian's share, of which a copy is kept. Null for who has none: who is new, or who
    /// lost it and gets one of the next epoch without dealing.</param>
    /// <exception cref="CeremonyException">The guardian takes no part, or the share is not its own.</exception>
    /// <exception cref="ThresholdException">The old committee's commitments are no key of the recipient.</exception>
    public static CeremonyParticipant Create(CeremonyTerms terms, Address guardian, GuardianShare? share)
    {
        using var seed = SecretBytes.Random(Edwards25519.Size);
        return Create(terms, guardian, share, seed.Span);
    }

    /// <summary>With the seed given.</summary>
    internal static CeremonyParticipant Create(CeremonyTerms terms, Address guardian, GuardianShare? share, ReadOnlySpan<byte> seed)
    {
        int seat = terms.SeatOf(guardian);
        if (seat < 0)
            throw new CeremonyException($"{guardian} has no part in ceremony {terms.Id}; take part with the address that is registered");
        var transcript = new CeremonyTranscript(terms);
        var (_, dealer, member) = terms.Seats[seat];
        if (share is not null && (terms.Old is null || share.Index != dealer || !share.Matches(transcript.OldKey!)))
            throw new CeremonyException($"{guardian} cannot deal with this share in ceremony {terms.Id}: a change takes that of the own index and of the old epoch, a creation none; open the file it was sealed in");
        if (share is null && terms.Old is not null && member == 0)
            throw new CeremonyException($"{guardian} has nothing to do in ceremony {terms.Id} without its old share: it is not in the new committee; open the file the share was sealed in");
        return new CeremonyParticipant(transcript, seat, new SecretBytes(seed), share is null ? null : new GuardianShare(share.Index, share.Threshold, share.Scalar.Copy()));
    }

    /// <summary>Goes on from an encoded state.</summary>
    /// <exception cref="CeremonyException">It is none, or contradicts itself.</exception>
    /// <exception cref="ThresholdException">Its share, or the old key of its terms, is none.</exception>
    public static CeremonyParticipant Parse(ReadOnlySpan<byte> bytes)
    {
        CeremonyParticipant? participant = null;
        try
        {
            if (bytes.Length > MaxSize)
                throw new FormatException($"it is longer than {MaxSize} bytes");
            var reader = new CanonicalReader(bytes, Domain);
            var guardian = reader.Address();
            var terms = CeremonyTerms.Parse(reader.Data(CeremonyTerms.MaxSize));
            bool deals = reader.Number(1) == 1;
            var log = new (uint Kind, byte[] Bytes)[reader.Number(MaxEntries)];
            for (int i = 0; i < log.Length; i++)
                log[i] = (reader.UInt32(), reader.Data(CeremonyMessage.MaxSize).ToArray());
            if (reader.Rest.Length != Edwards25519.Size + (deals ? GuardianShare.Size : 0))
                throw new FormatException("its secrets have another length");
            using var share = deals ? GuardianShare.Parse(reader.Rest[Edwards25519.Size..]) : null;
            participant = Create(terms, guardian, share, reader.Rest[..Edwards25519.Size]);
            foreach (var (kind, entry) in log)
            {
                var intake = kind switch
                {
                    IsMessage => participant.Receive(CeremonyMessage.Parse(entry)),
                    IsClosing => participant.Receive(CeremonyClosing.Parse(entry)),
                    _ => throw new FormatException("it holds something that is neither a message nor a closing"),
                };
                if (intake is not (CeremonyIntake.Taken or CeremonyIntake.Conflict))
                    throw new FormatException($"it holds what would not have been kept: {intake}");
            }
            return participant;
        }
        catch (Exception e) when (e is FormatException or CeremonyException or ThresholdException)
        {
            participant?.Dispose();
            throw e is FormatException ? new CeremonyException($"this is not the state of a ceremony: {e.Message}; open the file that was sealed last") : e;
        }
    }

    /// <summary>The state, to be sealed to the guardian itself before anything goes out; the caller disposes it.</summary>
    public SecretBytes Encode()
    {
        var writer = new CanonicalWriter(Domain).Address(Guardian).Data(Terms.Bytes.Span).UInt32(_share is null ? 0u : 1u).UInt32((uint)_log.Count);
        foreach (var (kind, bytes) in _log)
            writer.UInt32(kind).Data(bytes);
        using var share = _share?.Encode();
        var state = SecretBytes.Allocate(writer.Bytes.Length + _seed.Length + (share?.Length ?? 0));
        writer.Bytes.CopyTo(state.Buffer);
        _seed.Span.CopyTo(state.Buffer[writer.Bytes.Length..]);
        share?.Span.CopyTo(state.Buffer[^share.Length..]);
        return state;
    }

    /// <summary>Takes a message, whoever brings it. The state has changed where it is kept.</summary>
    public CeremonyIntake Receive(CeremonyMessage message) => Logged(Transcript.Receive(message), IsMessage, message.Encode);

    /// <summary>Takes the coordinator's closing of a round.</summary>
    public CeremonyIntake Receive(CeremonyClosing closing)
    {
        var intake = Transcript.Receive(closing);
        // Another closing than the first changes nothing, so it is no part of the state.
        return intake == CeremonyIntake.Taken ? Logged(intake, IsClosing, closing.Encode) : intake;
    }

    /// <summary>
    /// What this guardian sends in the open round; the same bytes however often it is asked. Null when it has nothing to send: it
    /// has no part in the round, the ceremony is over, or its share does not fit what it is asked to confirm, because its complaint
    /// was kept from the others.
    /// </summary>
    /// <exception cref="ArgumentException">The key is not that of <see cref="Guardian"/>.</exception>
    public CeremonyMessage? Next(SigningKey key)
    {
        if (key.Address != Guardian)
            throw new ArgumentException($"the messages of {Guardian} cannot be signed by {key.Address}");
        if (!Transcript.Expects(_seat))
            return null;
        var round = Transcript.Round;
        if (_next?.Round == round)
            return _next.Value.Message;
        if (Body(round) is not { } body)
            return null;
        _next = (round, CeremonyMessage.Sign(Terms, round, body, key));
        return _next.Value.Message;
    }

    /// <summary>The share of the new key; the caller seals and disposes it.</summary>
    /// <exception cref="CeremonyException">There is no result, or this guardian is not in the new committee.</exception>
    public GuardianShare TakeShare() => Transcript.Key is { } key && Seat.Member > 0
        ? new GuardianShare(Seat.Member, key.Threshold, NewScalar())
        : throw new CeremonyException($"{Guardian} has no share of ceremony {Terms.Id}: {(Seat.Member == 0 ? "it is not in the new committee" : "the new committee has not confirmed a result")}");

    /// <summary>Zeroes the secrets.</summary>
    public void Dispose()
    {
        _seed.Dispose();
        _share?.Dispose();
    }

    /// <summary>The address.</summary>
    public override string ToString() => $"guardian {Guardian} in ceremony {Terms.Id}";

    private CeremonyIntake Logged(CeremonyIntake intake, uint kind, Func<byte[]> bytes)
    {
        if (intake is CeremonyIntake.Taken or CeremonyIntake.Conflict)
            _log.Add((kind, bytes()));
        return intake;
    }

    private byte[]? Body(CeremonyRound round)
    {
        using var fresh = Derive(NonceLabel, (byte)round);
        using var scalar = Derive(PointLabel, 0);
        switch (round)
        {
            case CeremonyRound.Join:
                Span<byte> point = stackalloc byte[Edwards25519.Size];
                Edwards25519.MultiplyBase(scalar.Span, point);
                return new JoinBody(new Hash32(point), PossessionProof.Create(scalar.Span, fresh.Span, Transcript.Context(round, _seat)), Opening()).Encode();
            case CeremonyRound.Deal:
                return Deal(scalar, fresh).Encode();
            case CeremonyRound.Check:
                return new CheckBody(Complaints(scalar, fresh)).Encode();
            default:
                using (var own = NewScalar())
                {
                    bool fits = Dealing.Fits(own.Span, [Transcript.Proposed!.Commitments[Seat.Member - 1]], 0);
                    return fits ? new ConfirmBody(Transcript.Hash, PossessionProof.Create(own.Span, fresh.Span, Transcript.Context(round, _seat))).Encode() : null;
                }
        }
    }

    private Hash32 Opening()
    {
        if (Seat.Dealer == 0 || (Terms.Old is not null && _share is null))
            return default;
        using var polynomial = Polynomial();
        return Dealing.Opening(Terms.Id, Seat.Dealer, Dealing.Commit(polynomial));
    }

    private DealBody Deal(SecretBytes scalar, SecretBytes fresh)
    {
        using SecretBytes polynomial = Polynomial(), share = SecretBytes.Allocate(Edwards25519.Size);
        var shares = new Hash32[Terms.New.Guardians.Count];
        for (int member = 1; member <= shares.Length; member++)
        {
            AssetKey.Evaluate(polynomial.Span, member, share.Buffer);
            using var key = Dealing.Agree(scalar.Span, Transcript.Join(Terms.SeatOf(Terms.New.Guardians[member - 1])).Point);
            shares[member - 1] = Dealing.Encrypt(Terms.Id, Seat.Dealer, member, key, share.Span);
        }
        return new DealBody(Dealing.Commit(polynomial), PossessionProof.Create(polynomial.Span[..Edwards25519.Size], fresh.Span, Transcript.Context(CeremonyRound.Deal, _seat)), shares);
    }

    private List<Complaint> Complaints(SecretBytes scalar, SecretBytes fresh)
    {
        var complaints = new List<Complaint>();
        foreach (int dealer in Transcript.Dealers)
        {
            using var share = ShareFrom(dealer, scalar);
            if (!Dealing.Fits(share.Span, Transcript.Deal(dealer).Commitments, Seat.Member))
                complaints.Add(Dealing.Complain(Terms.Id, dealer, Transcript.Join(dealer - 1).Point, Seat.Member, Transcript.Join(_seat).Point, scalar, fresh.Span));
        }
        return complaints;
    }

    // s_j = Σ λ_i·f_i(j) over Q.
    private SecretBytes NewScalar()
    {
        using SecretBytes scalar = Derive(PointLabel, 0), term = SecretBytes.Allocate(Edwards25519.Size);
        Span<byte> weight = stackalloc byte[Edwards25519.Size];
        var sum = SecretBytes.Allocate(Edwards25519.Size);
        var dealers = Transcript.Dealers;
        for (int i = 0; i < dealers.Count; i++)
        {
            using var share = ShareFrom(dealers[i], scalar);
            Dealing.Weight(Terms, dealers, i, weight);
            Edwards25519.MultiplyScalars(weight, share.Span, term.Buffer);
            Edwards25519.AddScalars(sum.Span, term.Span, sum.Buffer);
        }
        return sum;
    }

    // A dealer's seat is its index less one.
    private SecretBytes ShareFrom(int dealer, SecretBytes scalar)
    {
        using var key = Dealing.Agree(scalar.Span, Transcript.Join(dealer - 1).Point);
        return Dealing.Decrypt(Terms.Id, dealer, Seat.Member, key.Span, Transcript.Deal(dealer).Shares[Seat.Member - 1]);
    }

    // a_0 is the old share, or at creation as random as the others.
    private SecretBytes Polynomial()
    {
        var coefficients = SecretBytes.Allocate(Terms.New.Threshold * Edwards25519.Size);
        for (int k = 0; k < Terms.New.Threshold; k++)
        {
            using var coefficient = k == 0 && _share is not null ? _share.Scalar.Copy() : Derive(CoefficientLabel, (byte)k);
            coefficient.Span.CopyTo(coefficients.Buffer[(k * Edwards25519.Size)..]);
        }
        return coefficients;
    }

    private SecretBytes Derive(byte label, byte number)
    {
        var scalar = SecretBytes.Allocate(Edwards25519.Size);
        Span<byte> id = stackalloc byte[Hash32.Size];
        Terms.Id.CopyTo(id);
        Edwards25519.HashToScalar(SecretDomain, _seed.Span, id, [label, number], scalar.Buffer);
        return scalar;
    }
}
