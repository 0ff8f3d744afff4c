using Microsoft.Extensions.Logging.Abstractions;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Cli.Commands;
using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Core.Queries;
using Trove.Crypto;
using Trove.Exports;
using Trove.Node.Guardians;
using Trove.Node.Protocol;
using Trove.Node.Runners;
using Trove.SystemTests.Api;
using Trove.SystemTests.Ceremonies;
using Trove.SystemTests.Story;

namespace Trove.SystemTests.Uses;

/// <summary>Runners with the real executor: results and money, liars, refusals and restarts.</summary>
public sealed class RunnerTests(UseFixture f) : IClassFixture<UseFixture>
{
    [Fact]
    public async Task A_use_is_computed_paid_and_read_by_its_buyer_alone()
    {
        var before = (await f.Client.MoneyAsync(f.Asset.Asset, default)).Received;
        var grant = await f.NextGrantAsync();
        await f.RunAsync([1, 2, 3], grant.Request);
        var done = await f.Client.RequestAsync(f.Asset.Asset, grant.Request, default);
        Assert.Equal("settled", done.State);
        var sealedResult = await f.Client.SealedResultAsync(f.Asset.Asset, grant.Request, 1, f.Buyer.SigningKey, default);
        Assert.Equal(done.Uses[0].ResultHash, new Hash32(System.Security.Cryptography.SHA256.HashData(sealedResult)));
        using var plain = new MemoryStream();
        await AgeFile.DecryptAsync(new MemoryStream(sealedResult), plain, [f.Buyer.Identity]);
        var result = QueryResult.TryRead(plain.ToArray())!;
        Assert.Equal(["year", "community", "comments", "members", "mean_length", "share_lab"], result.Columns.Select(c => c.Name));
        // The one community that both write in, each year since 2023; counted by hand in the samples.
        Assert.Equal([(2023, "labtechs", 11, 2), (2024, "labtechs", 9, 2), (2025, "labtechs", 6, 2)],
            result.Rows.Select(r => ((int)r[0].Number, r[1].Label!, (int)r[2].Number, (int)r[3].Number)));
        foreach (var other in f.Guardians.Append(f.Runner))
            await Assert.ThrowsAsync<AgeException>(() => AgeFile.DecryptAsync(new MemoryStream(sealedResult), new MemoryStream(), [other.Identity]));

        var money = await f.Client.MoneyAsync(f.Asset.Asset, default);
        Assert.Equal(before + grant.Terms.Price, money.Received);
        Assert.Contains(money.Uses, u => u.Request == grant.Request && u.Buyer == f.Buyer.SigningKey.Address);
        var pending = await f.Client.PendingAsync(f.Asset.Asset, f.Members[0].Key.Address, default);
        Assert.Contains(pending.Uses, u => u.Request == grant.Request); // from the cent to the use and the contribution
        Assert.NotEmpty(pending.Contributions);
    }

    [Fact]
    public async Task A_copy_is_the_records_in_scope_as_their_members_wrote_them()
    {
        await f.ExecuteAsync(f.Copy.Proposal);
        Assert.Equal(ProposalClass.Copy, (await f.Client.ProposalAsync(f.Asset.Asset, f.Copy.Proposal, default)).Class);
        await f.RunAsync([1, 2, 3], f.Copy.Request);
        var done = await f.Client.RequestAsync(f.Asset.Asset, f.Copy.Request, default);
        Assert.Equal("settled", done.State);
        var copy = await RequestCommands.ReadFileAsync(f.Client, f.Asset, done, 1, f.Buyer.SigningKey, f.Buyer.Identity, default);
        var expected = new List<string>();
        foreach (var sample in (string[])["maya-reddit.zip", "ada-reddit.zip"])
        {
            using var export = Export.Open(sample, await File.ReadAllBytesAsync(Path.Combine(Path.GetDirectoryName(TroveCli.Program)!, "../../../../../samples", sample)));
            expected.AddRange(export.Records().Where(r => r.Kind == RecordKind.Comment && r.Year >= 2023).Select(r => r.Id + r.Text));
        }
        var copied = CopyFile.Read(copy).ToList();
        Assert.Equal(expected.Order(StringComparer.Ordinal), copied.Select(c => c.Record.Id + c.Record.Text).Order(StringComparer.Ordinal));
        Assert.Equal([0, 1], copied.Select(c => c.Member).Distinct().Order());
    }

    [Fact]
    public async Task A_lying_guardian_is_named_and_the_others_open_the_parts()
    {
        var grant = await f.NextGrantAsync();
        var log = new Lines();
        var (second, third) = (f.Guardian(2, f.NewFolder()), f.Guardian(3, f.NewFolder()));
        await f.PlayAsync(grant.Request, log,
            ct => f.AnswerAsync(1, grant.Request, LieAsync, ct),
            second.RunAsync,
            ct => f.AnswerAsync(3, grant.Request, w => w.Proofs ? third.AnswerAsync(w, default) : Task.CompletedTask, ct));
        Assert.Equal("settled", (await f.Client.RequestAsync(f.Asset.Asset, grant.Request, default)).State);
        Assert.Contains(log.All, l => l.Contains($"{f.Guardians[0].SigningKey.Address} answered wrongly", StringComparison.Ordinal));
        Assert.DoesNotContain(log.All, l => l.Contains($"{f.Guardians[1].SigningKey.Address} answered wrongly", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Garbage_that_comes_first_does_not_end_a_use()
    {
        var grant = await f.NextGrantAsync();
        var log = new Lines();
        var key = f.Guardians[2].SigningKey;
        var (first, second) = (f.Guardian(1, f.NewFolder()), f.Guardian(2, f.NewFolder()));
        byte[] garbage = [1, 2, 3];
        // One honest answer makes two: the runner goes on with these, finds one of them wrong, and wants proofs of the others.
        await f.PlayAsync(grant.Request, log,
            ct => f.AnswerAsync(3, grant.Request, w => w.Proofs ? Task.CompletedTask : f.Client.AnswerAsync(f.Asset.Asset, grant.Request, w.Use, new GuardianAnswer(key.Address, w.KeyVersion, w.CommitteeEpoch, false,
                Convert.ToBase64String(garbage), null, null, Hex.Encode(key.Sign(Messages.Release(Messages.Domain(f.Info.ChainId, f.Asset.Grants), grant.Request, w.Use, w.KeyVersion, w.CommitteeEpoch, false,
                    new Hash32(System.Security.Cryptography.SHA256.HashData(garbage)))))), default), ct),
            first.RunAsync,
            ct => f.AnswerAsync(2, grant.Request, w => w.Proofs ? second.AnswerAsync(w, default) : Task.CompletedTask, ct));
        var done = await f.Client.RequestAsync(f.Asset.Asset, grant.Request, default);
        Assert.Equal(("settled", 1u), (done.State, done.Uses[0].KeyVersion)); // at the first try
        Assert.Contains(log.All, l => l.Contains($"{key.Address} answered wrongly", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Guardians_who_refuse_give_the_buyer_the_money_back()
    {
        var grant = await f.NextGrantAsync();
        await f.PlayAsync(grant.Request, new Lines(), [.. Enumerable.Range(1, 3).Select<int, Func<CancellationToken, Task>>(i => ct => f.AnswerAsync(i, grant.Request, w =>
            f.Client.AnswerAsync(f.Asset.Asset, grant.Request, w.Use, new GuardianAnswer(f.Guardians[i - 1].SigningKey.Address, w.KeyVersion, w.CommitteeEpoch, false, null, "paused", "on holiday",
                Hex.Encode(f.Guardians[i - 1].SigningKey.Sign(Messages.RefuseRelease(Messages.Domain(f.Info.ChainId, f.Asset.Grants), grant.Request, w.Use, w.KeyVersion, w.CommitteeEpoch, false, "paused", "on holiday")))), default), ct))]);
        var done = await f.Client.RequestAsync(f.Asset.Asset, grant.Request, default);
        Assert.Equal(("refunded", "guardians-refused"), (done.State, done.Uses[0].Code));
    }

    [Fact]
    public async Task A_restarted_runner_takes_its_unfinished_use_up_with_a_new_key()
    {
        var grant = await f.NextGrantAsync();
        // The first is a process of its own, asked to stop while its use waits for guardians.
        var pass = Path.Combine(f.Folder, "pass.txt");
        await File.WriteAllTextAsync(pass, "a passphrase of this test\n");
        using (var secret = PassphraseSource.FromFile(pass))
            f.Runner.Save(Path.Combine(f.Folder, "runner.key"), secret, workFactor: 10);
        await using (var runner = TroveCli.Start(f.Folder, "runner", "--key", Path.Combine(f.Folder, "runner.key"), "--passphrase-file", pass, "--node", f.Client.Node.ToString()))
        {
            await UseFixture.WaitAsync(async () => (await f.Client.RequestAsync(f.Asset.Asset, grant.Request, default)).State == "use-opened");
            runner.Signal("TERM");
            Assert.Equal(0, (await runner.EndAsync()).Code);
            Assert.DoesNotContain(Processes.Tree(runner.Id), p => p != runner.Id);
        }
        await f.RunAsync([1, 3], grant.Request);
        var done = await f.Client.RequestAsync(f.Asset.Asset, grant.Request, default);
        Assert.Equal("settled", done.State);
        Assert.True(done.Uses[0].KeyVersion >= 2, $"key version {done.Uses[0].KeyVersion}");
    }

    // One of the old committee has answered when the keys go to another one, which it is in too.
    [Fact]
    public async Task A_committee_that_changes_while_a_use_is_open_ends_it_well_with_its_own_answers_alone()
    {
        using var founder = SigningKey.Generate();
        using var verifier = KeyFile.Create();
        using var newcomer = KeyFile.Create();
        IReadOnlyList<KeyFile> guardians = [.. f.Guardians, newcomer];
        List<EpochShares> old = [];
        var asset = await ApiFixture.CreateAssetAsync(f.Client, f.Info, founder, [verifier], f.Guardians, 2, [f.Runner.SigningKey.Address], "MIDWAY", ApiFixture.Quick with { Rules = ApiFixture.Votes(60) }, ApiFixture.Policy, old, charter: ApiFixture.Small with { UseTime = 3600 });
        using var owner = await Owner.EarnAsync(f.Client, f.Info, asset, founder, verifier);
        await UseFixture.WaitAsync(async () => (await f.Client.DataAsync(asset.Asset, default)).SnapshotEpoch == 1);
        var grant = await f.RequestAsync(of: asset, fromYear: 0);
        await Owner.VoteAsync(f.Node, f.Info, asset, owner, new Grants(asset.Grants).Approve(grant.Request), ContractDigests.RequestDescription(grant.Request));
        var next = new Committee(2, 2, [newcomer.SigningKey.Address, f.Guardians[0].SigningKey.Address, f.Guardians[1].SigningKey.Address]);
        await Owner.VoteAsync(f.Node, f.Info, asset, owner, new Registry(asset.Registry).InviteGuardians(next.Guardians, (uint)next.Threshold));

        var log = new Lines();
        string[] folders = [.. guardians.Select(_ => f.NewFolder())];
        var runner = new RunnerProcess(f.Client, f.Chain, f.Runner, new ExecutorCommand(Environment.ProcessPath!, [TroveCli.Program, "execute-use"]), [asset.Asset], log, TimeProvider.System);
        await UseFixture.PlayAsync([runner.RunAsync, async _ =>
        {
            await UseFixture.WaitAsync(async () => (await f.Client.RequestAsync(asset.Asset, grant.Request, default)).State == "use-opened");
            var (before, after) = (new UseWork(asset.Asset, grant.Request, 1, 1, 1, false, false, false), new UseWork(asset.Asset, grant.Request, 1, 1, 2, false, false, false));
            for (int i = 0; i < 3; i++)
                await Committees.GiveAsync(folders[i], guardians[i], asset, old[i]);
            await AskAsync(0, before);
            Assert.Equal([1u], await AnsweredAsync());
            await AskAsync(0, after);
            Assert.Equal("other-committee", Said(0)); // not yet
            await GuardianBackup.MakeAsync(folders[0], folders[0] + ".age", [guardians[0].Identity.Recipient], TimeProvider.System, default);
            var shares = await Committees.ChangeAsync(f.Node, f.Info, asset, next, guardians, old);
            Assert.Equal(2u, await new Registry(asset.Registry).CommitteeEpochAsync(f.Chain));

            // As the old committee nobody answers any more, as the new one nobody who has none of its shares.
            await AskAsync(1, before);
            Assert.Equal("other-committee", Said(1));
            await AskAsync(1, after);
            Assert.Equal("no-share", Said(1));
            await AskAsync(2, before);
            Assert.Equal("other-committee", Said(2));
            await AskAsync(2, after);
            Assert.Equal("not-in-committee", Said(2));
            Assert.Equal([1u], await AnsweredAsync());

            // Nor who comes back from a backup of before.
            Directory.Delete(folders[0], recursive: true);
            await GuardianBackup.RestoreAsync(folders[0] + ".age", folders[0], [guardians[0].Identity], TimeProvider.System, default);
            await AskAsync(0, before);
            Assert.Equal("other-committee", Said(0));
            await AskAsync(0, after);
            Assert.Equal("no-share", Said(0));
            Assert.Equal([1u], await AnsweredAsync());

            await Committees.GiveAsync(folders[3], newcomer, asset, shares[0]);
            await AskAsync(3, after);
            Assert.Equal([1u, 2u], await AnsweredAsync());
            await Committees.GiveAsync(folders[1], guardians[1], asset, shares[2]);
            await AskAsync(1, after);
        }], async () => (await f.Client.RequestAsync(asset.Asset, grant.Request, default)).State is "settled" or "refunded");
        var done = await f.Client.RequestAsync(asset.Asset, grant.Request, default);
        Assert.True((done.State, done.Uses[0].KeyVersion) == ("settled", 1u), string.Join(" | ", log.All)); // at the first try
        Assert.DoesNotContain(log.All, l => l.Contains("answered wrongly", StringComparison.Ordinal));

        Task AskAsync(int guardian, UseWork work) =>
            new GuardianProcess(f.Client, f.Chain, guardians[guardian], new GuardianOptions(folders[guardian], 0, []), NullLogger<GuardianProcess>.Instance, TimeProvider.System).AnswerAsync(work, default);

        string? Said(int guardian) => GuardianLogReader.Newest(GuardianLog.Files(folders[guardian])).First().Code;

        async Task<IEnumerable<uint>> AnsweredAsync() => (await f.Client.AnswersAsync(asset.Asset, grant.Request, 1, 1, default)).Select(a => a.CommitteeEpoch).Order();
    }

    // A guardian's answer in the right form, signed, with one point of many that is of another secret.
    private async Task LieAsync(UseWork work)
    {
        const int index = 1;
        var (request, proofs) = (work.Request, work.Proofs);
        var info = await f.Client.RequestAsync(f.Asset.Asset, request, default);
        using var other = AssetKey.Deal(1, 3);
        var header = new ReleaseHeader(request, work.Use, work.KeyVersion, work.CommitteeEpoch);
        // All right but the last, which is of another secret.
        var parts = f.PointsInScope(info.Terms, f.Members);
        using PartialDecryptions right = f.EpochShares[index - 1].Custody.Decrypt(parts), wrong = other.Shares[index - 1].Decrypt(parts);
        using SecretBytes rightBytes = right.Encode(), wrongBytes = wrong.Encode();
        using var partials = PartialDecryptions.Parse([.. rightBytes.Span[..^32], .. wrongBytes.Span[^32..]]);
        var proof = proofs ? f.EpochShares[index - 1].Custody.Prove(parts, right, header.Encode()) : null;
        using var seed = UseSeed.Input(f.Asset.Asset, request, work.Use);
        var file = await ReleaseFile.SealAsync(header, f.EpochShares[index - 1].Oprf.Evaluate(seed.Blinded), partials, proof, new X25519Recipient(info.Uses[0].OneTimeKey), default);
        var key = f.Guardians[index - 1].SigningKey;
        await f.Client.AnswerAsync(f.Asset.Asset, request, work.Use, new GuardianAnswer(key.Address, work.KeyVersion, work.CommitteeEpoch, proofs, Convert.ToBase64String(file), null, null,
            Hex.Encode(key.Sign(Messages.Release(Messages.Domain(f.Info.ChainId, f.Asset.Grants), request, work.Use, work.KeyVersion, work.CommitteeEpoch, proofs, new Hash32(System.Security.Cryptography.SHA256.HashData(file)))))), default);
    }
}
