using System.Net;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Crypto.Dkim;
using Trove.Node.Assets;
using Trove.Node.Chain;
using Trove.Node.Contributions;
using Trove.Node.Database;
using Trove.Node.Epochs;
using Trove.Node.Protocol;
using Trove.Node.Staking;
using Trove.Node.Verification;
using Trove.Tests.Crypto;
using static Trove.SystemTests.Api.SignedRequestTests;
using Epoch = Trove.Core.Rewards.Epoch;

namespace Trove.SystemTests.Api;

/// <summary>A contribution from its announcement to its withdrawal, with everything that others try on the way.</summary>
public sealed class LifeTests(ApiFixture api, PostgresFixture postgres)
{
    [Fact]
    public async Task Contribution_from_announcement_to_withdrawal()
    {
        await api.ReadyAsync();
        var (client, info) = (api.Client, api.Info);
        var asset = await ApiFixture.CreateAssetAsync(client, info, api.Founder, api.Verifiers, "WHOLE");
        using var member = await Member.PrepareAsync(asset, Member.Reddit("life_member", "The marsh hides eleven herons behind the broken sluice", "Nobody counted the eels before breakfast on Sunday"));

        using var platform = new MailSigner();
        member.Mails = [MailSigner.Mail(platform.Sign(MailSigner.Header(DateTimeOffset.UtcNow.AddDays(-3)), "reddit.com", body: MailSigner.To("life_member")), MailSigner.To("life_member"))];

        // Announced twice it is one contribution with the same verifiers; with other parts it is refused.
        var announce = member.Announce(info, asset);
        var announced = await Evaluators.AnnounceAsync(client, info, asset, announce);
        await RefusedAsync("nonce-used", () => client.AnnounceAsync(asset.Asset, announce, default)); // a replay gets no upload token
        var again = await Evaluators.AnnounceAsync(client, info, asset, member.Announce(info, asset));
        Assert.Equal((announced.Contribution, announced.AnnouncedBlock), (again.Contribution, again.AnnouncedBlock));
        Assert.Equal(announced.Verifiers, again.Verifiers);
        Assert.Single(await client.ContributionsAsync(asset.Asset, member.Key.Address, default));
        await RefusedAsync("salt-used", () => client.AnnounceAsync(asset.Asset, member.Announce(info, asset, [.. member.Parts(info, asset).Take(1)]), default));
        await RefusedAsync("no-manifest", () => client.CompleteAsync(announced.Contribution, default));

        await member.SealAsync(again);
        var manifest = member.Manifest(info, asset, again);
        await client.SetManifestAsync(again.Contribution, manifest, default);
        await RefusedAsync("incomplete", () => client.CompleteAsync(again.Contribution, default));
        await RefusedAsync("upload-token", () => client.PutPieceAsync(again.Contribution, manifest.Evidence, 0, member.Evidence, announced.UploadToken, default)); // replaced by the second
        await member.UploadAsync(client, again);
        await client.CompleteAsync(again.Contribution, default);
        await RefusedAsync("wrong-state", () => client.SetManifestAsync(again.Contribution, member.Manifest(info, asset, again), default));

        await EvidenceIsForAssignedVerifiersAsync(again.Contribution, manifest, member);
        await StrangersCannotUseCopiedPartsAsync(asset, member);

        // While the DNS is silent it waits, and nobody is refused.
        int asked = 0;
        await api.VerifyAsync(async () => (await client.ContributionAsync(again.Contribution, default)).State != "verifying", (name, _) => Interlocked.Increment(ref asked) <= 2
            ? throw new DnsSilentException("reddit.com")
            : Task.FromResult(new TxtAnswer([platform.Record], name != "s._domainkey.reddit.com")));
        Assert.Equal(4, asked);
        var attested = await client.ContributionAsync(again.Contribution, member.Key, default);
        Assert.Equal(("attested", 2), (attested.State, attested.Attestations.Count(a => a.Facts is not null)));

        Assert.Contains(attested.Evidence!, c => c is { Name: "dkim", Outcome: CheckOutcome.Passed });

        // The decision is told before the bytes are gone; they go right after it.
        while ((await client.BlobsAsync(again.Contribution, default)).Blobs.Single(b => b.Kind == "evidence").State is "stored" or "destroying")
            await Task.Delay(50);

        // Destroyed once attested: even the verifiers that had it get it no more, and the vault says when it went.
        await RefusedAsync("blob-gone", () => client.EvidenceAsync(again.Contribution, Ask(api.Verifiers[0].SigningKey, "evidence", again.Contribution), 1 << 20, default));
        Assert.Equal("destroyed", (await client.BlobsAsync(again.Contribution, default)).Blobs.Single(b => b.Kind == "evidence").State);

        Assert.Null(attested.Reward);

        // The platform's mail showed whose the account is: another wallet without one is refused. Another account with the same words in
        // another order is not, and earns nothing.
        using var second = await Member.PrepareAsync(asset, Member.Reddit("Life_Member", "Completely different words about lanterns and rope ladders"));
        using var third = await Member.PrepareAsync(asset, Member.Reddit("copy_cat", "Behind the broken SLUICE the marsh hides eleven herons", "On Sunday nobody counted the eels before breakfast"));
        Hash32 claimed = await second.ContributeAsync(client, info, asset), copied = await third.ContributeAsync(client, info, asset);
        await api.VerifyAsync(async () => (await client.ContributionAsync(claimed, default)).State != "verifying" && (await client.ContributionAsync(copied, default)).State != "verifying");
        var refused = await client.ContributionAsync(claimed, second.Key, default);
        Assert.Equal(("refused", "account-known"), (refused.State, refused.RefusalCode));

        await CloseEpochAsync(asset);
        var copy = (await client.ContributionAsync(copied, default)).Reward!;
        Assert.Equal((copy.Score, 0ul, 0u), (copy.RepeatedScore, copy.NovelScore, (uint)copy.Amount.Units));
        var rewarded = await client.ContributionAsync(again.Contribution, default);
        Assert.Equal((await client.RewardsAsync(asset.Asset, 1, default)).Single(r => r.Reward.Contribution == again.Contribution), new RewardInfo(rewarded.Reward!, rewarded.Reason!));
        await ClaimAndPayAsync(asset, member);
        await WithdrawAsync(asset, member, again.Contribution, [.. attested.Parts!.Select(p => p.Sha256)]);
    }

    private async Task EvidenceIsForAssignedVerifiersAsync(Hash32 id, ManifestRequest manifest, Member member)
    {
        using var stranger = SigningKey.Generate();
        await RefusedAsync("not-assigned", () => api.Client.EvidenceAsync(id, Ask(stranger, "evidence", id), 1 << 20, default));
        await RefusedAsync("not-assigned", () => api.Client.EvidenceAsync(id, Ask(member.Key, "evidence", id), 1 << 20, default));
        await RefusedAsync("blob-not-found", () => api.Client.BlobAsync(manifest.Evidence, 1 << 20, default)); // no way around it through the parts' address
        Assert.Equal(member.Evidence, await api.Client.EvidenceAsync(id, Ask(api.Verifiers[0].SigningKey, "evidence", id), 1 << 20, default));
    }

    private async Task StrangersCannotUseCopiedPartsAsync(AssetInfo asset, Member member)
    {
        var (client, info) = (api.Client, api.Info);
        using var stranger = await Member.PrepareAsync(asset, Member.Reddit("copier", "Nine words which the copier wrote about copied shares"));
        var (own, copied) = (stranger.Parts(info, asset), member.Parts(info, asset));
        // The part as it is, its proof with it; then the share alone, under the stranger's own proof.
        await RefusedAsync("no-proof", () => client.AnnounceAsync(asset.Asset, stranger.Announce(info, asset, copied), default));
        await RefusedAsync("no-proof", () => client.AnnounceAsync(asset.Asset, stranger.Announce(info, asset, [own[0] with { EphemeralShare = copied[0].EphemeralShare }]), default));
        await RefusedAsync("no-proof", () => client.AnnounceAsync(asset.Asset, stranger.Announce(info, asset, [own[0] with { HeaderHash = copied[0].HeaderHash }]), default));
        // Who knows the secret may prove it anew, and still cannot have the share serve twice.
        var salt = member.Salt;
        member.Salt = Member.Fresh();
        await RefusedAsync("share-used", () => Evaluators.AnnounceAsync(client, info, asset, member.Announce(info, asset)));
        member.Salt = salt;
    }

    private async Task CloseEpochAsync(AssetInfo asset)
    {
        var (nonce, deadline) = (Member.Fresh(), Member.Soon());
        CloseEpochRequest Request(ulong number) => new(number, nonce, deadline, Hex.Encode(api.Founder.Sign(Messages.CloseEpoch(Messages.Domain(api.Info.ChainId, asset.Ledger), asset.Asset, number, nonce, deadline))));
        await RefusedAsync("wrong-epoch", () => api.Client.CloseEpochAsync(asset.Asset, Request(2), default));
        // Over one connection: a second one, asked for while the first is held, would never come.
        var services = api.Node.Services;
        await using var single = await NodeDatabase.OpenAsync(new NpgsqlConnectionStringBuilder(services.GetRequiredService<NodeDatabase>().Source.ConnectionString) { MaxPoolSize = 1, Timeout = 5 }.ConnectionString, default);
        var closing = new EpochService(single, new VerificationStore(single), new NoveltyStore(single, new VerificationStore(single)), services.GetRequiredService<AssetService>(), services.GetRequiredService<ChainService>(),
            services.GetRequiredService<ChainReader>(), services.GetRequiredService<HandOutService>(), services.GetRequiredService<ContradictionFolder>(), TimeProvider.System, NullLogger<EpochService>.Instance);
        Assert.Equal("signing", (await closing.CloseAsync(asset.Asset, Request(1), default)).State);
        await RefusedAsync("wrong-epoch", () => api.Client.CloseEpochAsync(asset.Asset, Request(1), default));
        await RefusedAsync("epoch-open", () => api.Client.CloseEpochAsync(asset.Asset, Request(2), default));
        await api.VerifyAsync(async () => (await api.Client.EpochAsync(asset.Asset, 1, default)).State == "posted");
        await RefusedAsync("nonce-used", () => api.Client.CloseEpochAsync(asset.Asset, Request(2), default));
    }

    private async Task ClaimAndPayAsync(AssetInfo asset, Member member)
    {
        var (nonce, deadline) = (Member.Fresh(), Member.Soon());
        var claim = Claim(nonce);
        await RefusedAsync("wrong-signature", () => api.Client.ClaimAsync(api.OtherAsset.Asset, claim, default));
        var balance = await api.Client.ClaimAsync(asset.Asset, claim, default);
        Assert.True(balance.Shares.Units > 0);
        Assert.Equal(0u, balance.Unclaimed.Units);
        await RefusedAsync("nonce-used", () => api.Client.ClaimAsync(asset.Asset, claim, default));

        // A dividend's authorization is spent on chain: the token refuses it the second time.
        using var buyer = SigningKey.Generate();
        var (amount, until) = (new Money(1_000_001), Member.Soon());
        await api.Client.FaucetAsync(new FaucetRequest(buyer.Address, amount, nonce, until,
            Hex.Encode(buyer.Sign(Messages.TestDollars(Messages.Domain(api.Info.ChainId, api.Info.Factory), buyer.Address, amount, nonce, until)))), default);
        var half = new Money(500_000);
        var pay = new DividendRequest(buyer.Address, half, until, nonce, Hex.Encode(buyer.Sign(ContractDigests.ReceiveWithAuthorization(api.Info.PaymentTokenDomain, buyer.Address, asset.Asset, half.Units, (ulong)until, nonce))));
        await api.Client.PayAsync(asset.Asset, pay, default);
        await RefusedAsync("reverted", () => api.Client.PayAsync(asset.Asset, pay, default));
        var money = await api.Client.MoneyAsync(asset.Asset, default);
        Assert.Equal(half, money.Received);
        Assert.Equal(money.Received, money.Paid + money.Claimable + money.Dust);
        // Each unit of it is explained down to the contribution.
        var pending = await api.Client.PendingAsync(asset.Asset, member.Key.Address, default);
        Assert.Equal(pending.Amount.Units, pending.Lines.SelectMany(l => l.Lots).Aggregate((UInt128)0, (sum, l) => sum + l.Amount.Units));
        Assert.All(pending.Lines.SelectMany(l => l.Lots), l => Assert.NotNull(l.Lot.Contribution));
        Assert.Equal(pending.Lines.SelectMany(l => l.Lots).Select(l => l.Lot.Contribution!.Value).Distinct(), pending.Contributions.Select(c => c.Contribution));

        // A claim that the relayer did not pay for is good until it has been.
        var database = api.Node.Services.GetRequiredService<NodeDatabase>();
        var second = Claim(Member.Fresh());
        await RetryTests.SpendBudgetAsync(database, member.Key.Address);
        await RefusedAsync("gas-budget", () => api.Client.ClaimAsync(asset.Asset, second, default));
        await RetryTests.GiveBudgetAsync(database, member.Key.Address);
        Assert.Equal(pending.Amount, (await api.Client.ClaimAsync(asset.Asset, second, default)).Paid);
        await RefusedAsync("nonce-used", () => api.Client.ClaimAsync(asset.Asset, second, default));

        ClaimRequest Claim(Hash32 once) => new(member.Key.Address, once, deadline,
            Hex.Encode(member.Key.Sign(Messages.Claim(Messages.Domain(api.Info.ChainId, asset.Ledger), asset.Asset, member.Key.Address, once, deadline))));
    }

    private async Task WithdrawAsync(AssetInfo asset, Member member, Hash32 id, IReadOnlyList<Hash32> parts)
    {
        Assert.All(await Task.WhenAll(parts.Select(p => api.Client.BlobAsync(p, 1 << 20, default))), b => Assert.NotEmpty(b));
        using var stranger = SigningKey.Generate();
        long deadline = Member.Soon();
        WithdrawRequest Request(SigningKey key) => new(deadline, Hex.Encode(key.Sign(ContractDigests.Withdraw(api.Info.ChainId, asset.Ledger, member.Key.Address, id, (ulong)deadline))));
        await RefusedAsync("wrong-signature", () => api.Client.WithdrawAsync(id, Request(stranger), default));
        using var chain = new EthClient(new Uri(api.Client.Node, api.Info.Rpc));
        Assert.True((await new Ledger(asset.Ledger).WithdrawnAtAsync(chain, id)).IsZero);

        var mined = await api.Client.WithdrawAsync(id, Request(member.Key), default);
        Assert.True((await chain.GetTransactionReceiptAsync(mined.Transaction))!.Success);
        Assert.False((await new Ledger(asset.Ledger).WithdrawnAtAsync(chain, id)).IsZero);
        await RefusedAsync("withdrawn", () => api.Client.WithdrawAsync(id, Request(member.Key), default));
        Assert.Equal("withdrawn", (await api.Client.ContributionAsync(id, default)).State);
        foreach (var part in parts)
            using (var response = await api.Http.GetAsync($"/api/v1/blobs/{part.ToHex()}"))
                Assert.Equal(HttpStatusCode.Gone, response.StatusCode);
        Assert.All((await api.Client.BlobsAsync(id, default)).Blobs, b => Assert.Equal("destroyed", b.State));
    }

    /// <summary>
    /// Two verifiers sign at the same moment: each in a transaction of its own that does not see the other's signature.
    /// The second must wait for the first and count two, or the epoch would stay unposted for ever.
    /// </summary>
    [Fact]
    public async Task Signatures_at_the_same_moment_are_both_counted()
    {
        await using var database = await postgres.OpenAsync();
        var (asset, one, two) = (Address.Parse("0x" + new string('a', 40)), Address.Parse("0x" + new string('1', 40)), Address.Parse("0x" + new string('2', 40)));
        await database.TransactAsync(async tx =>
        {
            await InsertAssetAsync(tx, asset);
            await VerificationStore.InsertEpochAsync(tx, asset, Epoch.FromRewards(1, default, []), 1);
        }, default);
        var (counted, first) = (new TaskCompletionSource(), new TaskCompletionSource());
        var holding = database.TransactAsync(async tx =>
        {
            Assert.Equal(1, await VerificationStore.PutSignatureAsync(tx, asset, 1, one, new byte[65]));
            counted.SetResult();
            await first.Task;
        }, default);
        await counted.Task;
        var second = database.TransactAsync(tx => VerificationStore.PutSignatureAsync(tx, asset, 1, two, new byte[65]), default);
        // Until the second waits for the first's lock; without one it would be done by now.
        await using (var watching = await database.Source.OpenConnectionAsync())
            while (!second.IsCompleted && await watching.ExecuteScalarAsync<long>("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()") == 0)
                await Task.Delay(10);
        first.SetResult();
        await holding;
        Assert.Equal(2, await second);
    }

    /// <summary>An epoch may have a hundred thousand rewards: each is with its contribution, and the epoch is computed again from pages of them.</summary>
    [Fact]
    public async Task Rewards_are_kept_with_their_contributions()
    {
        await using var database = await postgres.OpenAsync();
        var (asset, owner) = (Address.Parse("0x" + new string('b', 40)), Address.Parse("0x" + new string('c', 40)));
        List<Reward> rewards = [.. Enumerable.Range(0, 3).Select(i => new Reward(Member.Fresh(), owner, Member.Fresh(), (ulong)i, 10_000, 10_000, 0, 0, 0, 0, Quality.Full, 10_000, 10_000, i == 2, default, new Shares(Shares.One * (UInt128)i)))];
        var store = new ContributionStore(database);
        await database.TransactAsync(async tx =>
        {
            await InsertAssetAsync(tx, asset);
            foreach (var id in rewards.Select(r => r.Contribution).Append(default))
                Assert.True(await ContributionStore.InsertAsync(tx, id, asset, new AnnounceRequest(owner, id, [], id, 0, ""), id, 1, Undrawn, [], 0, 1));
        }, default);
        Assert.Null((await store.FindAsync(rewards[0].Contribution, default))!.ReadReward());
        await database.TransactAsync(tx => VerificationStore.InsertEpochAsync(tx, asset, Epoch.FromRewards(1, default, [.. rewards.OrderBy(r => r.Contribution)]), 1), default);
        foreach (var reward in rewards)
        {
            var row = (await store.FindAsync(reward.Contribution, default))!;
            Assert.Equal((1L, reward), (row.Epoch, row.ReadReward()));
        }
        Assert.Null((await store.FindAsync(default, default))!.ReadReward()); // of another epoch
        Assert.Equal(rewards, (await store.ListAsync(asset, owner, 0, 3, default)).Select(r => r.ReadReward()));
        var epochs = new VerificationStore(database);
        var (kept, signed) = ((await epochs.EpochAsync(asset, 1, default))!, Epoch.FromRewards(1, default, [.. rewards.OrderBy(r => r.Contribution)])); // all of one block
        Assert.Equal(ContractDigests.RootOf(signed, 1), kept.ToRoot());
        Assert.Equal((3, 2), (kept.Contributions, kept.Leaves));
        Assert.Equal(signed.Tree.Root, (await epochs.ComputeAsync(kept, default)).Tree.Root);
        Assert.Equal([.. signed.Rewards.Skip(1)], await epochs.RewardsAsync(kept, signed.Rewards[0].Contribution, 5, default));
        Assert.Empty(await epochs.RewardsAsync(kept, default(Hash32), 5, default)); // after one that is not in it
    }

    /// <summary>With the commit of the decision the evidence is on its way out, whatever becomes of the node or of who answered.</summary>
    [Fact]
    public async Task Decision_and_destruction_are_one_transaction()
    {
        await using var database = await postgres.OpenAsync();
        var (asset, verifier) = (Address.Parse("0x" + new string('d', 40)), Address.Parse("0x" + new string('e', 40)));
        var (attested, refused, waiting) = (Member.Fresh(), Member.Fresh(), Member.Fresh());
        await database.TransactAsync(async tx =>
        {
            await InsertAssetAsync(tx, asset);
            foreach (var id in new[] { attested, refused, waiting })
            {
                await ContributionStore.InsertAsync(tx, id, asset, new AnnounceRequest(asset, id, [], id, 0, ""), id, 1, Undrawn, [verifier], 1, 1);
                foreach (var kind in new[] { "part", "evidence" })
                    await tx.Connection!.ExecuteAsync("""
                        insert into vault_blobs (contribution, sha256, owner, kind, size, received, state, declared_at, touched_at, stored_at)
                        values (@id, @sha256, @asset, @kind, 1, 1, 'stored', now(), now(), now())
                        """, new { id, sha256 = Member.Fresh(), asset, kind }, tx);
            }
        }, default);
        var facts = new Attestation(1, asset, asset, attested, asset, attested, attested, attested, attested, 1, 1, attested, 1, attested);
        Task<bool> DecideAsync(Hash32 id, params VerifierAnswer[] answers) => database.TransactAsync(async tx =>
            await VerificationService.DecideAsync(tx, (await ContributionStore.LockAsync(tx, id))!, answers), default);
        Assert.True(await DecideAsync(attested, new VerifierAnswer(verifier, facts, new EvidenceResults([]), null, null, [])));
        Assert.True(await DecideAsync(refused, new VerifierAnswer(verifier, null, null, "a-code", "a reason", [])));
        Assert.False(await DecideAsync(waiting));
        await using var connection = await database.Source.OpenConnectionAsync();
        async Task<string> StatesAsync(Hash32 id) => string.Join(' ', await connection.QueryAsync<string>("select state from vault_blobs where contribution = @id order by kind", new { id }));
        Assert.Equal(("destroying stored", "destroying destroying", "stored stored"), (await StatesAsync(attested), await StatesAsync(refused), await StatesAsync(waiting)));
    }

    private static Task InsertAssetAsync(NpgsqlTransaction tx, Address asset) => tx.Connection!.ExecuteAsync("""
        insert into asset (asset, founder, registry, ledger, name, symbol, payment_token, recipient, policy_hash, verifiers, verifier_keys, threshold, set_version, created_block,
            grants, governor, timelock, stakes, custody, governance, charter, runners)
        values (@asset, @asset, @asset, @asset, '', '', @asset, @hash, @hash, '{}', '{}', 2, 1, 1, @asset, @asset, @asset, @asset, '{}', '{}', '{}', '{}')
        """, new { asset, hash = default(Hash32) }, tx);

    private VerifierRequest Ask(SigningKey key, string purpose, Hash32 subject)
    {
        var (nonce, deadline) = (Member.Fresh(), Member.Soon());
        return new VerifierRequest(key.Address, purpose, subject, nonce, deadline,
            Hex.Encode(key.Sign(Messages.VerifierRequest(Messages.Domain(api.Info.ChainId, api.Info.Factory), key.Address, purpose, subject, nonce, deadline))));
    }

    private static readonly ContributionDraw Undrawn = new(new DrawQuestion(default, default, default, default, 0, default, 0, ""), new DrawProof(1, ""));
}
