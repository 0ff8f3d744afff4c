using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Crypto;
using Trove.Node.Guardians;
using Trove.Node.Protocol;
using Trove.Tests.Ceremonies;

namespace Trove.Tests.Guardians;

/// <summary>A coordinator as a node has one, which can lie and lose.</summary>
internal sealed class Relay(CeremonyTerms terms, string? terms64 = null)
{
    private const long Deadline = 4_000_000_000;

    public CeremonyTerms Terms { get; } = terms;

    public CeremonyTranscript Coordinator { get; } = new(terms);

    /// <summary>What it says of the state; the truth when null.</summary>
    public string? State { get; set; }

    /// <summary>Every message that reached it, by author and round; a second, different one would be cheating.</summary>
    public Dictionary<(Address, CeremonyRound), HashSet<string>> Sent { get; } = [];

    public Address Founder { get; init; } = Guild.Key(20).Address;

    public Hash32 Salt { get; init; } = Keccak256.Hash([9]);

    public SigningKey Signer { get; init; } = Guild.Key(20);

    public bool Over => Coordinator.Key is not null || Coordinator.Failure is not null;

    /// <summary>Takes what a guardian sends.</summary>
    public void Take(byte[] message)
    {
        var parsed = CeremonyMessage.Parse(message);
        if (!Sent.TryGetValue((parsed.Author, parsed.Round), out var sent))
            Sent.Add((parsed.Author, parsed.Round), sent = []);
        sent.Add(Convert.ToHexString(message));
        Coordinator.Receive(parsed);
    }

    /// <summary>Closes the round when everyone's message is there.</summary>
    public void CloseIfComplete()
    {
        if (Coordinator.Complete)
            Coordinator.Close();
    }

    public CeremonyInfo Info(bool whole)
    {
        var signature = Hex.Encode(Signer.Sign(Messages.StartCeremony(Messages.Domain(Terms.ChainId, Chain.Factory), Terms.Id, Founder, Salt, Deadline)));
        bool creation = Terms.Old is null;
        return new CeremonyInfo(Terms.Id, terms64 ?? Convert.ToBase64String(Terms.Bytes.Span), creation ? Founder : null, creation ? Salt : null, creation ? Deadline : null, creation ? signature : null,
            State ?? (Coordinator.Key is not null ? "done" : Coordinator.Failure is not null ? "failed" : "open"), "join", null, [],
            whole ? [.. Coordinator.Messages.Select(m => Convert.ToBase64String(m.Encode()))] : [], whole ? [.. Coordinator.Closings.Select(c => Convert.ToBase64String(c.Encode()))] : [], null);
    }

    /// <summary>Several ceremonies at one relay.</summary>
    public static CeremonyRelay Of(params IReadOnlyList<Relay> all) => new(
        _ => Task.FromResult<IReadOnlyList<CeremonyInfo>>([.. all.Select(r => r.Info(false))]),
        (id, _) => Task.FromResult(all.Single(r => r.Terms.Id == id).Info(true)),
        (id, message, _) =>
        {
            all.Single(r => r.Terms.Id == id).Take(message);
            return Task.CompletedTask;
        });
}

/// <summary>What guardians' own chain says; the same to all.</summary>
internal sealed class Chain
{
    public static readonly Address Factory = Address.Parse("0x" + new string('f', 40));
    public static readonly Address Asset = Address.Parse("0x" + new string('a', 40));

    public Dictionary<Address, CustodyFacts> Registries { get; } = [];

    public int Asked { get; private set; }

    public GuardianView View => new(31337, Factory, (registry, _) =>
    {
        Asked++;
        return Task.FromResult(Registries.GetValueOrDefault(registry));
    }, (founder, salt, _) => Task.FromResult((Asset, founder == Guild.Key(20).Address && salt == Keccak256.Hash([9]) ? Guild.Registry : Factory)), (_, _) => Task.FromResult(Asset));

    /// <summary>Brings into force what a ceremony came to.</summary>
    public void Put(CeremonyTranscript done) => Put(done.Terms.Contract, new Outcome(done.Terms.New, done.Key!, done.OprfKey!, []), transcript: done.Hash);

    public void Put(Address registry, Outcome keys, Committee? invited = null, Hash32 transcript = default) => Registries[registry] =
        new CustodyFacts(keys.Committee, keys.Key.Commitments, keys.OprfKey.Commitments, keys.Key.Recipient.PublicKey, transcript, invited?.Guardians ?? [], (uint)(invited?.Threshold ?? 0));

    public void Invite(Address registry, Committee invited) =>
        Registries[registry] = Registries[registry] with { Invited = invited.Guardians, InvitedThreshold = (uint)invited.Threshold };
}
