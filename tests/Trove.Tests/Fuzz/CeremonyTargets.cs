using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Crypto;
using static Trove.Tests.Fuzz.FuzzCheckException;

namespace Trove.Tests.Fuzz;

/// <summary>Terms, messages, closings and states of ceremonies, as relays and disks give them.</summary>
internal static class CeremonyTargets
{
    private static readonly SigningKey Guardian = SigningKey.FromBytes(Keccak256.Hash("guardian"u8).ToArray());
    private static readonly CeremonyTerms Terms = CeremonyTerms.Create(1, Guardian.Address, default, new Committee(1, 1, [Guardian.Address]));
    private static readonly List<CeremonyMessage> Messages = [];
    private static readonly List<CeremonyClosing> Closings = [];
    private static readonly List<byte[]> States = [];

    static CeremonyTargets()
    {
        using var participant = CeremonyParticipant.Create(Terms, Guardian.Address, null, Enumerable.Repeat((byte)1, 32).ToArray());
        while (participant.Next(Guardian) is { } message)
        {
            Messages.Add(message);
            participant.Receive(message);
            using var state = participant.Encode();
            States.Add(state.Span.ToArray());
            Closings.Add(new CeremonyClosing(Terms.Id, message.Round, [message.Digest(Terms)]));
            participant.Receive(Closings[^1]);
        }
    }

    public static IEnumerable<FuzzTarget> All() =>
    [
        new("ceremony-terms", ["CeremonyTerms.Parse"], [Terms.Bytes.ToArray(), Change().Bytes.ToArray()], Parse, o => o is (_, 1, > 1), typeof(CeremonyException)),
        new("ceremony-message", ["CeremonyMessage.Parse"], [Messages[0].Encode(), Messages[1].Encode()], Message, o => o is CeremonyRound.Check, typeof(CeremonyException)),
        new("ceremony-closing", ["CeremonyClosing.Parse"], [Closings[0].Encode(), (Closings[1] with { Digests = [default, Terms.Id] }).Encode()], Closing, o => o is CeremonyRound.Confirm, typeof(CeremonyException)) { Record = 32 },
        new("ceremony-body", ["JoinBody.TryParse", "DealBody.TryParse", "CheckBody.TryParse", "ConfirmBody.TryParse"], [.. Messages.Select(m => m.Body), new CheckBody([new Complaint(1, default, new byte[64])]).Encode()], Body, o => o is 5),
        new("ceremony-round", ["CeremonyTranscript.Receive"], [.. Messages.Select(m => (byte[])[(byte)m.Round, .. m.Body])], Round, o => o is CeremonyFault.Point, typeof(CeremonyException)) { Cost = 20 },
        new("ceremony-state", ["CeremonyParticipant.Parse"], [States[0], States[2]], State, o => o is > 200, typeof(CeremonyException), typeof(ThresholdException)) { Cost = 20 },
    ];

    private static CeremonyTerms Change()
    {
        Address[] guardians = [.. Enumerable.Range(1, 5).Select(i => new Address(Keccak256.Hash([(byte)i]).ToArray().AsSpan(12)))];
        return CeremonyTerms.ChangeOf(1, Guardian.Address, Terms.Id, new Committee(1, 2, guardians[..3]), [Terms.Id, Terms.Id, Terms.Id], [Terms.Id, Terms.Id, Terms.Id], Terms.Id, new Committee(2, 3, guardians));
    }

    private static object Parse(byte[] input)
    {
        var terms = CeremonyTerms.Parse(input);
        Require(terms.Bytes.Span.SequenceEqual(input), "not the canonical bytes");
        Require(terms.DealersNeeded >= 1 && terms.Seats.Count <= CeremonyClosing.MaxMessages, "terms out of bounds");
        return (terms.Old?.Guardians.Count ?? 0, terms.New.Threshold, terms.New.Guardians.Count);
    }

    private static object Message(byte[] input)
    {
        var message = CeremonyMessage.Parse(input);
        Require(message.Encode().AsSpan().SequenceEqual(input), "not the canonical bytes");
        var intake = new CeremonyTranscript(Terms).Receive(message);
        Require(intake != CeremonyIntake.Taken || Messages.Any(m => m.Encode().AsSpan().SequenceEqual(input)), "a message that the guardian did not sign was taken");
        return message.Round;
    }

    private static object Closing(byte[] input)
    {
        var closing = CeremonyClosing.Parse(input);
        Require(closing.Encode().AsSpan().SequenceEqual(input), "not the canonical bytes");
        new CeremonyTranscript(Terms).Receive(closing);
        return closing.Round;
    }

    private static object? Body(byte[] input)
    {
        byte[]?[] again = [JoinBody.TryParse(input)?.Encode(), DealBody.TryParse(input)?.Encode(), CheckBody.TryParse(input)?.Encode(), ConfirmBody.TryParse(input)?.Encode()];
        Require(again.All(a => a is null || a.AsSpan().SequenceEqual(input)), "not the canonical bytes");
        return again.All(a => a is null) ? null : CheckBody.TryParse(input)?.Complaints.Select(c => c.Dealer).FirstOrDefault() ?? -input.Length;
    }

    // Signed by a guardian, whatever it is: a fault of theirs, never an exception.
    private static object? Round(byte[] input)
    {
        if (input.Length is 0 or > CeremonyMessage.MaxSize || input[0] is < 1 or > 4)
            return null;
        var transcript = new CeremonyTranscript(Terms);
        var round = (CeremonyRound)input[0];
        for (int i = 0; i < input[0] - 1; i++)
        {
            transcript.Receive(Messages[i]);
            transcript.Close();
        }
        Require(transcript.Receive(CeremonyMessage.Sign(Terms, round, input[1..], Guardian)) == CeremonyIntake.Taken, "the guardian's own message was not taken");
        transcript.Close();
        Require(transcript.Key is null || input[1..].AsSpan().SequenceEqual(Messages[^1].Body), "another confirmation than the right one was enough");
        return transcript.Findings.Count == 0 ? round : transcript.Findings[0].Fault;
    }

    private static object State(byte[] input)
    {
        using var participant = CeremonyParticipant.Parse(input);
        using var again = participant.Encode();
        Require(again.Span.SequenceEqual(input), "not the canonical bytes");
        return (int)again.Span[^32];
    }
}
