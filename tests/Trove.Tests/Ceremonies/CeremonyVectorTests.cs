using System.Text.Json.Nodes;
using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Crypto;
using Trove.Tests.Crypto;

namespace Trove.Tests.Ceremonies;

/// <summary>Another implementation's ceremonies, byte for byte: every message, every pad, the transcript and the shares.</summary>
public class CeremonyVectorTests
{
    private static readonly JsonArray All = Checkout.Vectors("ceremony.json")["ceremonies"]!.AsArray();

    public static TheoryData<string> Names() => [.. All.Select(v => Text(v!["name"]))];

    [Theory]
    [MemberData(nameof(Names))]
    public void Ceremony(string ceremony)
    {
        var vector = All.Single(v => Text(v!["name"]) == ceremony)!;
        var terms = CeremonyTerms.Parse(Bytes(vector["terms"]));
        Assert.Equal(Text(vector["terms"]), Convert.ToHexStringLower(terms.Bytes.Span));
        Assert.Equal(Text(vector["id"]), terms.Id.ToHex());
        var seats = vector["seats"]!.AsArray();
        Assert.Equal(seats.Select(s => new Seat(Address.Parse(Text(s!["guardian"])), (int)s["dealer"]!, (int)s["member"]!)), terms.Seats);

        List<CeremonyParticipant> all = [.. seats.Select(Participant)];
        List<SigningKey> keys = [.. seats.Select(s => SigningKey.FromBytes(Bytes(s!["signingKey"])))];
        var coordinator = new CeremonyTranscript(terms);
        bool forged = false;
        foreach (var round in vector["rounds"]!.AsArray())
        {
            var messages = round!.AsArray();
            foreach (var message in messages)
            {
                int seat = (int)message!["seat"]!;
                if ((bool?)message["forged"] == true)
                    forged = true;
                else
                    Assert.Equal(Text(message["message"]), Convert.ToHexStringLower(all[seat].Next(keys[seat])!.Encode()));
            }
            foreach (var message in messages)
            {
                var read = CeremonyMessage.Parse(Bytes(message!["message"]));
                Assert.Equal(Text(message["digest"]), read.Digest(terms).ToHex());
                coordinator.Receive(read);
                Assert.All(all, p => Assert.Equal(CeremonyIntake.Taken, p.Receive(read)));
            }
            coordinator.Close();
            Assert.All(all, p => Assert.Equal(CeremonyIntake.Taken, p.Receive(coordinator.Closings[^1])));
        }
        foreach (var step in vector["dealing"]!.AsArray())
        {
            using var key = new SecretBytes(Bytes(step!["key"]));
            int dealer = (int)step["dealer"]!, member = (int)step["member"]!;
            foreach (var (of, name) in new[] { (DealtKey.Custody, ""), (DealtKey.Oprf, "oprf ") })
            {
                Assert.Equal(Text(step[name + "encrypted"]), Dealing.Encrypt(of, terms.Id, dealer, member, key, Bytes(step[name + "share"])).ToHex());
                using var share = Dealing.Decrypt(of, terms.Id, dealer, member, key.Span, new Hash32(Bytes(step[name + "encrypted"])));
                Assert.Equal(Text(step[name + "share"]), Convert.ToHexStringLower(share.Span));
            }
        }
        foreach (var (participant, seat) in all.Zip(terms.Seats))
        {
            var transcript = participant.Transcript;
            Assert.Equal(Text(vector["transcript"]), transcript.Hash.ToHex());
            Assert.Equal(vector["dealers"]!.AsArray().Select(d => (int)d!), transcript.Dealers);
            Assert.Equal(forged, transcript.Findings is [{ Fault: CeremonyFault.WrongShare }]);
            Assert.Equal(vector["commitments"]!.AsArray().Select(Text), transcript.Key!.Commitments.Select(c => c.ToHex()));
            Assert.Equal(Text(vector["recipient"]), transcript.Key.Recipient.PublicKey.ToHex());
            Assert.Equal(vector["oprfCommitments"]!.AsArray().Select(Text), transcript.OprfKey!.Commitments.Select(c => c.ToHex()));
            Assert.Equal(Text(vector["oprfPublicKey"]), transcript.OprfKey.PublicKey.ToHex());
            Assert.Equal(Text(vector["committeeDigest"]), transcript.CommitteeDigest.ToHex());
            Assert.Equal(vector["confirmations"]!.AsArray().Select(Text), transcript.Confirmations.Select(Convert.ToHexStringLower));
            if (seat.Member == 0)
                continue;
            using var shares = participant.TakeShares(transcript.Hash);
            using var bytes = shares.Encode();
            Assert.Equal(Text(vector["shares"]![seat.Member - 1]), Convert.ToHexStringLower(bytes.Span));
        }

        CeremonyParticipant Participant(JsonNode? seat)
        {
            using var shares = seat!["oldShares"] is { } old ? EpochShares.Parse(Bytes(old)) : null;
            return CeremonyParticipant.Create(terms, Address.Parse(Text(seat["guardian"])), shares, Bytes(seat["seed"]));
        }
    }

    [Fact]
    public void Vectors_hold_each_kind_of_ceremony_and_a_complaint() =>
        Assert.Equal(["creation, 2 of 3", "refresh, 2 of 3", "resharing, 2 of 3 to 3 of 5", "creation, 2 of 3, with a wrong share", "creation, 2 of 3, with a wrong share of the pseudorandom function"], All.Select(v => Text(v!["name"])));

    private static string Text(JsonNode? node) => (string)node!;

    private static byte[] Bytes(JsonNode? node) => Convert.FromHexString(Text(node));
}
