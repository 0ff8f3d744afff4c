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
    public const int MaxSize = 1 << 21;

    private const string Domain = "trove/ceremony-state/1";
    private const uint IsMessage = 1, IsClosing = 2;
    private const int MaxEntries = 2 * 4 * CeremonyClosing.MaxMessages + 4;

    // What is derived from the seed.
    private const byte PointLabel = 1, NonceLabel = 3; // and those of DealtKey

    private static ReadOnlySpan<byte> SecretDomain => "trove/ceremony/secret/1"u8;

    private readonly List<(uint Kind, byte[] Bytes)> _log = [];
    private readonly int _seat;
    private readonly SecretBytes _seed;
    private readonly EpochShares? _shares;
    private (CeremonyRound Round, CeremonyMessage Message)? _next;

    private CeremonyParticipant(CeremonyTranscript transcript, int seat, SecretBytes seed, EpochShares? shares) =>
        (Transcript, _seat, _seed, _shares) = (transcript, seat, seed, shares);

    /// <summary>What this guardian has seen. Hand messages to the participant, which also remembers them.</summary>
    public CeremonyTranscript Transcript { get; }

    /// <summary>Whose seat it is.</summary>
    public Address Guardian => Seat.Guardian;

    private CeremonyTerms Terms => Transcript.Terms;
    private Seat Seat => Terms.Seats[_seat];

    /// <summary>Takes a seat, with fresh randomness.</summary>
    /// <param name="terms">Taken from the registry, not from the relay.</param>
    /// <param name="guardian">The own registered address.</param>
    /// <param name="shares">Of a change, the old guardian's shares, of which a copy is kept. Null for who has none: who is new, or who
    /// lost them and gets those of the next epoch without dealing.</param>
    /// <exception cref="CeremonyException">The guardian takes no part, or the shares are not its own.</exception>
    /// <exception cref="ThresholdException">The old committee's commitments are no keys of theirs.</exception>
    public static CeremonyParticipant Create(CeremonyTerms terms, Address guardian, EpochShares? shares)
    {
        using var seed = SecretBytes.Random(Edwards25519.Size);
        return Create(terms, guardian, shares, seed.Span);
    }

    /// <summary>With the seed given.</summary>
    internal static CeremonyParticipant Create(CeremonyTerms terms, Address guardian, EpochShares? shares, ReadOnlySpan<byte> seed)
    {
        int seat = terms.SeatOf(guardian);
        if (seat < 0)
            throw new CeremonyException($"{guardian} has no part in ceremony {terms.Id}; take part with the address that is registered");
        var transcript = new CeremonyTranscript(terms);
        var (_, dealer, member) = terms.Seats[seat];
        if (shares is not null && (terms.Old is null || shares.Epoch != terms.Old.Epoch || shares.Index != dealer || !shares.Matches(transcript.OldKey!, transcript.OldOprfKey!)))
            throw new CeremonyException($"{guardian} cannot deal with these shares in ceremony {terms.Id}: a change takes those of the own index and of the old epoch, a creation none; open the file they were sealed in");
        if (shares is null && terms.Old is not null && member == 0)
            throw new CeremonyException($"{guardian} has nothing to do in ceremony {terms.Id} without its old shares: it is not in the new committee; open the file the shares were sealed in");
        return new CeremonyParticipant(transcript, seat, new SecretBytes(seed), shares?.Copy());
    }

    /// <summary>Goes on from an encoded state.</summary>
    /// <exception cref="CeremonyException">It is none, or contradicts itself.</exception>
    /// <exception cref="ThresholdException">Its shares, or the old keys of its terms, are none.</exception>
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
            if (reader.Rest.Length != Edwards25519.Size + (deals ? EpochShares.Size : 0))
                throw new FormatException("its secrets have another length");
            using var shares = deals ? EpochShares.Parse(reader.Rest[Edwards25519.Size..]) : null;
            participant = Create(terms, guardian, shares, reader.Rest[..Edwards25519.Size]);
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
        var writer = new CanonicalWriter(Domain).Address(Guardian).Data(Terms.Bytes.Span).UInt32(_shares is null ? 0u : 1u).UInt32((uint)_log.Count);
        foreach (var (kind, bytes) in _log)
            writer.UInt32(kind).Data(bytes);
        using var shares = _shares?.Encode();
        var state = SecretBytes.Allocate(writer.Bytes.Length + _seed.Length + (shares?.Length ?? 0));
        writer.Bytes.CopyTo(state.Buffer);
        _seed.Span.CopyTo(state.Buffer[writer.Bytes.Length..]);
        shares?.Span.CopyTo(state.Buffer[^shares.Length..]);
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
    /// has no part in the round, the ceremony is over, or its shares do not fit what it is asked to confirm, because its complaint
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
        if (Body(round, key) is not { } body)
            return null;
        _next = (round, CeremonyMessage.Sign(Terms, round, body, key));
        return _next.Value.Message;
    }

    /// <summary>
    /// The shares of the new committee, if the registry has it with this transcript: the chain's word, not the relay's, which may keep
    /// the last round open for ever, or close it without a confirmation that reached the chain. The caller seals and disposes them.
    /// </summary>
    /// <param name="transcript">What the registry says, or <see cref="CeremonyTranscript.Hash"/> for those that are confirmed here.</param>
    /// <exception cref="CeremonyException">The transcript is another one, this guardian is not in the new committee, or its shares are
    /// not those committed to, so that it cannot have confirmed them.</exception>
    public EpochShares TakeShares(Hash32 transcript)
    {
        if (Seat.Member > 0 && Transcript.Proposed is not null && transcript == Transcript.Hash && NewShares() is { } shares)
            return shares;
        string why = Seat.Member == 0 ? "it is not in the new committee"
            : Transcript.Proposed is null || transcript != Transcript.Hash ? $"what it saw does not come to the transcript {transcript}"
            : "what it was dealt is not what the dealers committed to";
        throw new CeremonyException($"{Guardian} has no shares of ceremony {Terms.Id}: {why}; a change of the keys gives it new ones");
    }

    /// <summary>Zeroes the secrets.</summary>
    public void Dispose()
    {
        _seed.Dispose();
        _shares?.Dispose();
    }

    /// <summary>The address.</summary>
    public override string ToString() => $"guardian {Guardian} in ceremony {Terms.Id}";

    private CeremonyIntake Logged(CeremonyIntake intake, uint kind, Func<byte[]> bytes)
    {
        if (intake is CeremonyIntake.Taken or CeremonyIntake.Conflict)
            _log.Add((kind, bytes()));
        return intake;
    }

    private byte[]? Body(CeremonyRound round, SigningKey key)
    {
        using var fresh = Derive(NonceLabel, (byte)round);
        using var scalar = Derive(PointLabel, 0);
        switch (round)
        {
            case CeremonyRound.Join:
                Span<byte> point = stackalloc byte[Edwards25519.Size];
                Edwards25519.MultiplyBase(scalar.Span, point);
                return new JoinBody(new Hash32(point), PossessionProof.Create(PossessionProof.OfPoint, scalar.Span, fresh.Span, Transcript.Context(round, _seat)), Opening()).Encode();
            case CeremonyRound.Deal:
                return Deal(scalar, fresh).Encode();
            case CeremonyRound.Check:
                return new CheckBody(Complaints(scalar, fresh)).Encode();
            default:
                using (var own = NewShares())
                    return own is null ? null : Confirm(own, fresh, key).Encode();
        }
    }

    private Hash32 Opening()
    {
        if (Seat.Dealer == 0 || (Terms.Old is not null && _shares is null))
            return default;
        using SecretBytes custody = Polynomial(0), oprf = Polynomial(1);
        return Dealing.Opening(Terms.Id, Seat.Dealer, Commitments(custody, oprf));
    }

    private DealBody Deal(SecretBytes scalar, SecretBytes fresh)
    {
        using SecretBytes custody = Polynomial(0), oprf = Polynomial(1), work = SecretBytes.Allocate(2 * Edwards25519.Size);
        int members = Terms.New.Guardians.Count;
        Hash32[][] shares = [new Hash32[members], new Hash32[members]];
        for (int member = 1; member <= members; member++)
        {
            using var key = Dealing.Agree(scalar.Span, Transcript.Join(Terms.SeatOf(Terms.New.Guardians[member - 1])).Point);
            for (int which = 0; which < shares.Length; which++)
            {
                var share = Batch.Item(work.Buffer, 0);
                AssetKey.Evaluate((which == 0 ? custody : oprf).Span, member, share);
                shares[which][member - 1] = Dealing.Encrypt(DealtKey.Both[which], Terms.Id, Seat.Dealer, member, key, share);
            }
        }
        custody.Span[..Edwards25519.Size].CopyTo(work.Buffer);
        oprf.Span[..Edwards25519.Size].CopyTo(work.Buffer[Edwards25519.Size..]);
        return new DealBody(Commitments(custody, oprf), PossessionProof.Create(PossessionProof.OfBoth, work.Span, fresh.Span, Transcript.Context(CeremonyRound.Deal, _seat)), shares);
    }

    private static Hash32[][] Commitments(SecretBytes custody, SecretBytes oprf) =>
        [Dealing.Commit(DealtKey.Custody.Group, custody), Dealing.Commit(DealtKey.Oprf.Group, oprf)];

    private List<Complaint> Complaints(SecretBytes scalar, SecretBytes fresh)
    {
        var complaints = new List<Complaint>();
        foreach (int dealer in Transcript.Dealers)
        {
            using var key = Dealing.Agree(scalar.Span, Transcript.Join(dealer - 1).Point); // a dealer's seat is its index less one
            if (!Dealing.FitsBoth(Terms.Id, dealer, Transcript.Deal(dealer), Seat.Member, key.Span))
                complaints.Add(Dealing.Complain(Terms.Id, dealer, Transcript.Join(dealer - 1).Point, Seat.Member, Transcript.Join(_seat).Point, scalar, fresh.Span));
        }
        return complaints;
    }

    private ConfirmBody Confirm(EpochShares own, SecretBytes fresh, SigningKey key)
    {
        using var scalars = SecretBytes.Allocate(2 * Edwards25519.Size);
        own.Custody.Scalar.Span.CopyTo(scalars.Buffer);
        own.Oprf.Scalar.Span.CopyTo(scalars.Buffer[Edwards25519.Size..]);
        return new ConfirmBody(Transcript.Hash, PossessionProof.Create(PossessionProof.OfBoth, scalars.Span, fresh.Span, Transcript.Context(CeremonyRound.Confirm, _seat)), key.Sign(Transcript.CommitteeDigest));
    }

    // Null where they are not those that the proposed keys are committed to.
    private EpochShares? NewShares()
    {
        var (key, oprfKey) = Transcript.Proposed!.Value;
        using SecretBytes custody = NewScalar(0), oprf = NewScalar(1);
        bool fits = Dealing.Fits(DealtKey.Custody.Group, custody.Span, [key.Commitments[Seat.Member - 1]], 0)
            && Dealing.Fits(DealtKey.Oprf.Group, oprf.Span, [oprfKey.Commitments[Seat.Member - 1]], 0);
        return fits ? EpochShares.Create(Terms.New.Epoch, Seat.Member, Terms.New.Threshold, custody.Span, oprf.Span) : null;
    }

    // s_j = Σ λ_i·f_i(j) over Q, of one of the two keys.
    private SecretBytes NewScalar(int which)
    {
        using SecretBytes scalar = Derive(PointLabel, 0), term = SecretBytes.Allocate(Edwards25519.Size);
        Span<byte> weight = stackalloc byte[Edwards25519.Size];
        var sum = SecretBytes.Allocate(Edwards25519.Size);
        var dealers = Transcript.Dealers;
        for (int i = 0; i < dealers.Count; i++)
        {
            using var key = Dealing.Agree(scalar.Span, Transcript.Join(dealers[i] - 1).Point);
            using var share = Dealing.Decrypt(DealtKey.Both[which], Terms.Id, dealers[i], Seat.Member, key.Span, Transcript.Deal(dealers[i]).Shares[which][Seat.Member - 1]);
            Dealing.Weight(Terms, dealers, i, weight);
            Edwards25519.MultiplyScalars(weight, share.Span, term.Buffer);
            Edwards25519.AddScalars(sum.Span, term.Span, sum.Buffer);
        }
        return sum;
    }

    // a_0 is the old share, or at creation as random as the others.
    private SecretBytes Polynomial(int which)
    {
        var coefficients = SecretBytes.Allocate(Terms.New.Threshold * Edwards25519.Size);
        for (int k = 0; k < Terms.New.Threshold; k++)
        {
            using var coefficient = k == 0 && _shares is not null ? (which == 0 ? _shares.Custody.Scalar : _shares.Oprf.Scalar).Copy() : Derive(DealtKey.Both[which].CoefficientLabel, (byte)k);
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
