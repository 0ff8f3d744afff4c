using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Crypto;
using Trove.Node.Guardians;
using Trove.Tests.Ceremonies;

namespace Trove.Tests.Guardians;

/// <summary>What a guardian's process keeps, destroys and refuses, whatever relay, network and crashes do.</summary>
public sealed class GuardianCeremonyTests : IDisposable
{
    private readonly Chain _chain = new();
    private readonly List<Keeper> _keepers = [];

    [Fact]
    public async Task A_key_is_made_and_handed_on_and_only_the_shares_in_force_stay()
    {
        var first = new Relay(Guild.Creation(Guild.Committee(1, 2, 0, 1, 2)));
        Start(first, 0, 1, 2, 3);
        await FinishAsync(first);
        await StepAsync();
        Assert.All(Members(first.Terms.New), k => Assert.Equal([State(first)], k.Files())); // not before the chain shows it
        _chain.Put(first.Coordinator);
        await StepAsync();
        Assert.All(Members(first.Terms.New), k => Assert.Equal([Share(1)], k.Files()));
        await HoldsAsync(first, 1);

        var next = Guild.Committee(2, 2, 3, 1, 0);
        _chain.Invite(Guild.Registry, next);
        var change = new Relay(Change(first, next));
        Offer(change);
        await FinishAsync(change);
        await StepAsync();
        Assert.All(Members(first.Terms.New), k => Assert.Contains(Share(1), k.Files()));
        _chain.Put(change.Coordinator);
        await StepAsync();
        Assert.All(Members(next), k => Assert.Equal([Share(2)], k.Files()));
        Assert.Empty(_keepers[2].Files()); // it left, and has nothing any more
        // In the log, in that order; killed and started again on the way, each once.
        List<(string, uint)> made = [("joined", 1), ("confirmed", 1), ("shares-taken", 1)], handed = [("joined", 2), ("confirmed", 2), ("shares-taken", 2)];
        Assert.All(_keepers[..2], k => Assert.Equal([.. made, .. handed, ("shares-destroyed", 1)], k.Logged));
        Assert.Equal([.. made, ("joined", 2), ("shares-destroyed", 1)], _keepers[2].Logged);
        Assert.Equal(handed, _keepers[3].Logged);
        await HoldsAsync(change, 2);
    }

    // The relay has all confirmations, tells the guardians that nothing came of it, and puts the change on chain.
    [Fact]
    public async Task What_was_confirmed_survives_a_relay_that_calls_it_failed()
    {
        var creation = new Relay(Guild.Creation(Guild.Committee(1, 2, 0, 1, 2)));
        Start(creation, 0, 1, 2);
        await ConfirmedAsync(creation);
        creation.State = "failed";
        await StepAsync();
        _keepers.ForEach(k => k.Kill());
        await StepAsync();
        Offer(); // not even listed any more
        await StepAsync();
        Assert.All(_keepers, k => Assert.Equal([State(creation)], k.Files()));
        creation.Coordinator.Close();
        _chain.Put(creation.Coordinator);
        await StepAsync();
        await HoldsAsync(creation, 1);

        var invited = Guild.Committee(2, 2, 0, 1, 2);
        _chain.Invite(Guild.Registry, invited);
        var change = new Relay(Change(creation, invited));
        Offer(change);
        await ConfirmedAsync(change);
        change.State = "failed";
        await StepAsync();
        _keepers.ForEach(k => k.Kill());
        // The relay closes the round with nothing: by the protocol the ceremony has failed.
        var closing = new CeremonyClosing(change.Terms.Id, CeremonyRound.Confirm, []);
        var lying = change.Info(true) with { State = "open" };
        lying = lying with { Closings = [.. lying.Closings, Convert.ToBase64String(closing.Encode())] };
        _keepers.ForEach(k => k.Relay = new CeremonyRelay(_ => Task.FromResult<IReadOnlyList<Trove.Node.Protocol.CeremonyInfo>>([lying]), (_, _) => Task.FromResult(lying), (_, _, _) => Task.CompletedTask));
        await StepAsync();
        Assert.All(_keepers, k => Assert.Equal([State(change), Share(1)], k.Files()));
        change.Coordinator.Close();
        _chain.Put(change.Coordinator);
        await StepAsync();
        await HoldsAsync(change, 2);
        Assert.All(_keepers, k => Assert.Equal([Share(2)], k.Files()));
    }

    // Of two attempts that all confirmed, the chain takes the first; the states of both go.
    [Fact]
    public async Task The_chain_chooses_among_attempts()
    {
        var attempts = Enumerable.Range(1, 2).Select(n => new Relay(Guild.Creation(Guild.Committee(1, 2, 0, 1), (byte)n))).ToList();
        Start(attempts[0], 0, 1);
        await FinishAsync(attempts[0]);
        Offer(attempts[1]);
        await FinishAsync(attempts[1]);
        Assert.All(_keepers, k => Assert.Equal(2, k.Files("ceremony-*").Count()));
        _chain.Put(attempts[0].Coordinator);
        await StepAsync();
        await HoldsAsync(attempts[0], 1);
        Assert.All(_keepers, k => Assert.Equal([Share(1)], k.Files()));
    }

    [Fact]
    public async Task Another_committee_in_force_ends_what_was_confirmed()
    {
        var confirmed = new Relay(Guild.Creation(Guild.Committee(1, 2, 0, 1), 1));
        Start(confirmed, 0, 1);
        await FinishAsync(confirmed);
        using var dealt = Guild.Deal(Guild.Committee(1, 2, 0, 1));
        _chain.Put(Guild.Registry, dealt, transcript: Keccak256.Hash([5]));
        await StepAsync();
        Assert.All(_keepers, k => Assert.Empty(k.Files()));
    }

    // Before its confirmation nothing can come into force; after the destruction the same round gets no other message.
    [Fact]
    public async Task What_failed_before_the_confirmation_is_destroyed_and_not_begun_again()
    {
        var relay = new Relay(Guild.Creation(Guild.Committee(1, 2, 0, 1)));
        Start(relay, 0, 1);
        await StepAsync();
        Assert.All(_keepers, k => Assert.Equal([State(relay)], k.Files()));
        relay.State = "failed";
        await StepAsync();
        Assert.All(_keepers, k => Assert.Empty(k.Files()));
        relay.State = "open";
        await StepAsync();
        _keepers.ForEach(k => k.Kill());
        await StepAsync();
        Assert.All(relay.Sent, s => Assert.Single(s.Value));
        Assert.All(_keepers, k => Assert.Empty(k.Files()));
        Assert.Contains(_keepers[0].Said.Lines, l => l.Event == "CeremonyAbandoned");
    }

    // Killed between any two steps of the end, a guardian comes to the same end.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Killed_while_the_end_is_written(bool named)
    {
        var relay = new Relay(Guild.Creation(Guild.Committee(1, 1, 0)));
        Start(relay, 0);
        await FinishAsync(relay);
        var keeper = _keepers[0];
        var state = File.ReadAllBytes(Path.Combine(keeper.Folder, State(relay)));
        _chain.Put(relay.Coordinator);
        await StepAsync();
        keeper.Kill();
        File.WriteAllBytes(Path.Combine(keeper.Folder, State(relay)), state);
        File.WriteAllBytes(Path.Combine(keeper.Folder, State(relay) + ".new"), state);
        if (!named)
            File.Delete(Path.Combine(keeper.Folder, "ceremonies-ended"));
        else
            File.AppendAllBytes(Path.Combine(keeper.Folder, "ceremonies-ended"), [1, 2, 3]); // a power failure in the middle of the next
        await StepAsync();
        Assert.Equal([Share(1)], keeper.Files("*.age*"));
        await HoldsAsync(relay, 1);
        Assert.True(keeper.Store.Ended(relay.Terms.Id));
    }

    [Fact]
    public async Task A_guardian_that_was_away_destroys_what_is_no_longer_in_force()
    {
        using Outcome dealt = Guild.Deal(Guild.Committee(1, 2, 0, 1, 2)), later = Guild.Deal(Guild.Committee(4, 2, 3, 4, 5));
        Start(null, 0);
        await StepAsync();
        var away = _keepers[0];
        await away.Store.PutSharesAsync(Guild.Registry, dealt.Shares[0]);
        _chain.Put(Guild.Registry, dealt);
        await StepAsync();
        Assert.Equal([Share(1)], away.Files());
        // A committee whose commitments are no key of the recipient: nobody can hold shares of it, so the old ones are all there is.
        _chain.Put(Guild.Registry, later);
        var facts = _chain.Registries[Guild.Registry];
        _chain.Registries[Guild.Registry] = facts with { Recipient = dealt.Key.Recipient.PublicKey };
        await StepAsync();
        Assert.Equal([Share(1)], away.Files());
        _chain.Registries[Guild.Registry] = facts;
        await StepAsync();
        Assert.Empty(away.Files());
    }

    public static TheoryData<string, string> Inventions => new()
    {
        { "invitation", "have not invited" },
        { "threshold", "have not invited" },
        { "committee", "another committee" },
        { "recipient", "another committee" },
        { "function", "another committee" },
        { "registry", "another committee" },
        { "epoch", "another committee" },
        { "chain", "another chain" },
        { "seat", "no seat" },
        { "garbage", "not the terms" },
        { "endless", "too long" },
        { "asset", "was not started for" },
    };

    [Theory]
    [MemberData(nameof(Inventions))]
    public async Task Changes_that_a_relay_invents(string what, string reason)
    {
        var (old, next) = (Guild.Committee(1, 2, 0, 1, 2), Guild.Committee(2, 2, 0, 1, 3));
        using Outcome dealt = Guild.Deal(old), other = Guild.Deal(old);
        _chain.Put(Guild.Registry, dealt, what == "invitation" ? null : next);
        var terms = what switch
        {
            "threshold" => Guild.Change(dealt, Guild.Committee(2, 3, 0, 1, 3)),
            "committee" => Guild.Change(dealt with { Committee = Guild.Committee(1, 2, 1, 0, 2) }, next),
            "epoch" => Guild.Change(dealt with { Committee = Guild.Committee(2, 2, 0, 1, 2) }, Guild.Committee(3, 2, 0, 1, 3)),
            "recipient" => Guild.Change(dealt with { Key = other.Key }, next),
            "function" => Guild.Change(dealt with { OprfKey = other.OprfKey }, next),
            "registry" => ChangeAt(31337, Chain.Factory, dealt, next),
            "chain" => ChangeAt(1, Guild.Registry, dealt, next),
            "seat" => Guild.Change(dealt with { Committee = Guild.Committee(1, 2, 4, 5, 2) }, Guild.Committee(2, 2, 4, 5, 3)),
            _ => Guild.Change(dealt, next),
        };
        var relay = new Relay(terms, what switch { "garbage" => "AAAA", "endless" => new string('A', 1 << 20), _ => null });
        Add(0, relay, what == "asset" ? [Guild.Key(7).Address] : []);
        await StepAsync();
        await _keepers[0].Store.PutSharesAsync(Guild.Registry, dealt.Shares[0]);
        await StepAsync();
        await StepAsync();
        Assert.Empty(relay.Sent);
        Assert.Equal([Share(1)], _keepers[0].Files());
        Assert.Contains(reason, Assert.Single(_keepers[0].Said.Lines, l => l.Event == "CeremonyRefused").Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("founder", "no founder signed")]
    [InlineData("salt", "first committee")]
    [InlineData("stranger", "first committee")]
    [InlineData("exists", "exists already")]
    [InlineData("epoch", "first committee")]
    [InlineData("asset", "was not started for")]
    public async Task Creations_that_a_relay_invents(string what, string reason)
    {
        var terms = Guild.Creation(Guild.Committee(what == "epoch" ? 2u : 1, 2, 0, 1));
        var relay = what switch
        {
            "founder" => new Relay(terms) { Signer = Guild.Key(19) },
            "stranger" => new Relay(terms) { Signer = Guild.Key(19), Founder = Guild.Key(19).Address },
            "salt" => new Relay(terms) { Salt = default },
            _ => new Relay(terms),
        };
        using var dealt = Guild.Deal(Guild.Committee(1, 2, 0, 1, 2));
        if (what == "exists")
            _chain.Put(Guild.Registry, dealt);
        Add(0, relay, what == "asset" ? [Guild.Key(7).Address] : []);
        await StepAsync();
        await StepAsync();
        Assert.Empty(relay.Sent);
        Assert.Empty(_keepers[0].Files());
        Assert.Contains(reason, Assert.Single(_keepers[0].Said.Lines, l => l.Event == "CeremonyRefused").Text, StringComparison.Ordinal);
    }

    // The share is of the asset's registry; a contract of a stranger that shows the same committee gets none of it.
    [Fact]
    public async Task A_strangers_registry_with_a_true_committee_is_dealt_nothing()
    {
        var next = Guild.Committee(2, 1, 0, 3);
        using var dealt = Guild.Deal(Guild.Committee(1, 1, 0, 1));
        _chain.Put(Guild.Registry, dealt);
        _chain.Put(Chain.Factory, dealt, next);
        var relay = new Relay(ChangeAt(31337, Chain.Factory, dealt, next));
        Add(0, relay);
        await StepAsync();
        await _keepers[0].Store.PutSharesAsync(Guild.Registry, dealt.Shares[0]);
        _keepers[0].Kill();
        File.Delete(Path.Combine(_keepers[0].Folder, State(relay)));
        for (int i = 0; i < 4; i++)
        {
            await StepAsync();
            relay.Coordinator.Close();
        }
        Assert.DoesNotContain(relay.Sent, s => s.Key.Item2 == CeremonyRound.Deal);
    }

    [Fact]
    public async Task An_invitation_taken_back_stops_who_has_not_confirmed()
    {
        var next = Guild.Committee(2, 2, 0, 1);
        using var dealt = Guild.Deal(Guild.Committee(1, 2, 0, 1));
        _chain.Put(Guild.Registry, dealt, next);
        var relay = new Relay(Guild.Change(dealt, next));
        Start(relay, 0, 1);
        foreach (var keeper in _keepers)
        {
            keeper.Relay = Relay.Of();
            await keeper.StepAsync();
            await keeper.Store.PutSharesAsync(Guild.Registry, dealt.Shares[_keepers.IndexOf(keeper)]);
            keeper.Kill();
            keeper.Relay = Relay.Of(relay);
        }
        await StepAsync();
        relay.CloseIfComplete();
        _chain.Put(Guild.Registry, dealt);
        await StepAsync();
        Assert.Equal(CeremonyRound.Deal, relay.Coordinator.Round);
        Assert.All(relay.Sent.Keys, k => Assert.Equal(CeremonyRound.Join, k.Item2));
        Assert.Contains(_keepers[0].Said.Lines, l => l.Text.Contains("have not invited", StringComparison.Ordinal));
        _chain.Put(Guild.Registry, dealt, next);
        await FinishAsync(relay);
        Assert.NotNull(relay.Coordinator.Key);
    }

    // Attempts without end: the oldest that was not confirmed makes room, one that was confirmed never does.
    [Fact]
    public async Task Kept_states_are_bounded_and_confirmed_ones_are_not_given_up()
    {
        var committee = Guild.Committee(1, 2, 0, 1);
        Start(null, 0);
        await StepAsync();
        var keeper = _keepers[0];
        var terms = Enumerable.Range(0, GuardianCeremonies.MaxAttempts).Select(n => Guild.Creation(committee, (byte)n)).ToList();
        foreach (var t in terms)
        {
            using var participant = CeremonyParticipant.Create(t, keeper.Address, null);
            await keeper.Store.PutStateAsync(new KeptCeremony(Guild.Registry, 1, t.Id, t == terms[5] ? default : Keccak256.Hash([1])), participant);
        }
        var more = Enumerable.Range(100, 2).Select(n => new Relay(Guild.Creation(committee, (byte)n))).ToList();
        Offer(more[0]);
        await StepAsync();
        Assert.True(keeper.Store.Ended(terms[5].Id));
        Assert.Single(more[0].Sent);
        var last = keeper.Store.Kept[^1];
        using (var participant = CeremonyParticipant.Create(more[0].Terms, keeper.Address, null))
            await keeper.Store.PutStateAsync(last with { Transcript = Keccak256.Hash([2]) }, participant);
        Offer(more[1]);
        keeper.Kill(); // read from the files anew
        await StepAsync();
        Assert.Empty(more[1].Sent);
        Assert.Equal(GuardianCeremonies.MaxAttempts, keeper.Files("ceremony-*").Count());
        Assert.Contains("may still take", Assert.Single(keeper.Said.Lines, l => l.Event == "CeremonyRefused").Text, StringComparison.Ordinal);
    }

    // Nine at once: eight a step, in turn, and none in memory twice.
    [Fact]
    public async Task Ceremonies_that_stand_still_do_not_keep_others_waiting()
    {
        var relays = Enumerable.Range(0, GuardianCeremonies.AtOnce + 2).Select(n => new Relay(Guild.Creation(Guild.Committee(1, 2, 0, 1), (byte)n))).ToList();
        Start(null, 0);
        Offer([.. relays]);
        await StepAsync();
        Assert.Equal(GuardianCeremonies.AtOnce, relays.Count(r => r.Sent.Count == 1));
        await StepAsync();
        Assert.All(relays, r => Assert.Single(r.Sent));
    }

    [Fact]
    public async Task A_damaged_state_neither_stops_the_others_nor_is_written_over()
    {
        var (damaged, sound) = (new Relay(Guild.Creation(Guild.Committee(1, 2, 0, 1), 1)), new Relay(Guild.Creation(Guild.Committee(1, 2, 0, 1), 2)));
        Start(damaged, 0, 1);
        await StepAsync();
        _keepers.ForEach(k => k.Kill());
        var file = Path.Combine(_keepers[0].Folder, State(damaged));
        var bytes = File.ReadAllBytes(file);
        bytes[^20] ^= 1;
        File.WriteAllBytes(file, bytes);
        Offer(damaged, sound);
        await StepAsync();
        Assert.Equal(bytes, File.ReadAllBytes(file));
        Assert.Equal(2, sound.Sent.Count);
        Assert.All(damaged.Sent, s => Assert.Single(s.Value));
    }

    public void Dispose() => _keepers.ForEach(k => k.Dispose());

    private static CeremonyTerms Change(Relay done, Committee next) => Guild.Change(new Outcome(done.Terms.New, done.Coordinator.Key!, done.Coordinator.OprfKey!, []), next);

    private static CeremonyTerms ChangeAt(ulong chainId, Address registry, Outcome old, Committee next) =>
        CeremonyTerms.ChangeOf(chainId, registry, default, old.Committee, old.Key.Commitments, old.OprfKey.Commitments, old.Key.Recipient.PublicKey, next);

    private static string Share(uint epoch) => $"share-{Guild.Registry}-{epoch}.age";

    private static string State(Relay relay) => $"ceremony-{relay.Terms.Contract}-{relay.Terms.New.Epoch}-{relay.Terms.Id}.age";

    private IEnumerable<Keeper> Members(Committee committee) => _keepers.Where(k => committee.IndexOf(k.Address) > 0);

    private void Start(Relay? relay, params int[] numbers)
    {
        foreach (int number in numbers)
            Add(number, relay);
    }

    private void Add(int number, Relay? relay, params Address[] assets) => _keepers.Add(new Keeper(number, _chain, relay is null ? Relay.Of() : Relay.Of(relay), assets));

    private void Offer(params Relay[] relays)
    {
        foreach (var keeper in _keepers)
        {
            keeper.Kill();
            keeper.Relay = Relay.Of(relays);
        }
    }

    private async Task StepAsync()
    {
        foreach (var keeper in _keepers)
            await keeper.StepAsync();
    }

    private async Task FinishAsync(Relay relay)
    {
        for (int i = 0; i < 10 && !relay.Over; i++)
        {
            await StepAsync();
            relay.CloseIfComplete();
        }
        Assert.NotNull(relay.Coordinator.Key);
        await StepAsync();
    }

    // Up to the moment at which the relay has everyone's confirmation and nobody else knows.
    private async Task ConfirmedAsync(Relay relay)
    {
        for (int i = 0; i < 10 && !(relay.Coordinator.Round == CeremonyRound.Confirm && relay.Coordinator.Complete); i++)
        {
            relay.CloseIfComplete();
            await StepAsync();
        }
        Assert.True(relay.Coordinator.Complete);
    }

    private async Task HoldsAsync(Relay relay, uint epoch)
    {
        foreach (var keeper in Members(relay.Terms.New))
        {
            using var shares = await keeper.Store.SharesAsync(Guild.Registry, epoch);
            Assert.True(shares!.Matches(relay.Coordinator.Key!, relay.Coordinator.OprfKey!));
        }
    }
}
