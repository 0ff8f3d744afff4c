using Microsoft.Extensions.DependencyInjection;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Protocol;
using Trove.Node.Verification;

namespace Trove.SystemTests.Api;

/// <summary>Of five verifiers two must agree and two more are drawn in reserve: one who refuses what is good, and one who is away, hold nothing up.</summary>
public sealed class ReserveTests(ApiFixture api) : IAsyncLifetime
{
    private readonly List<KeyFile> _verifiers = [.. Enumerable.Range(0, 5).Select(_ => KeyFile.Create())];
    private AssetInfo _asset = null!;

    public async ValueTask InitializeAsync()
    {
        await api.ReadyAsync();
        _asset = await ApiFixture.CreateAssetAsync(api.Client, api.Info, api.Founder, _verifiers, [Evaluators.Common], 1, [], "RESERVE", ApiFixture.Quick, ApiFixture.Policy, mustAgree: 2);
    }

    [Fact]
    public async Task One_who_refuses_what_others_attest_is_outvoted_and_named()
    {
        var (id, drawn) = await ContributeAsync("outvoted", "Seven gulls argue over one herring until the tide takes it");
        await RefuseAsync(id, drawn[0]);
        Assert.Equal(2, (await api.Client.ContributionAsync(id, default)).Called); // the other one may agree
        await VerifyAsync(id, drawn.Skip(1));
        var told = await api.Client.ContributionAsync(id, default);
        Assert.Equal(("attested", 3, 4), (told.State, told.Called, told.Verifiers.Count));
        Assert.Equal(drawn.Take(3).Select(d => d.SigningKey.Address).Order(), told.Attestations.Select(a => a.Verifier).Order());
        Assert.Null(Assert.Single(told.Attestations, a => a.Verifier == drawn[0].SigningKey.Address).Facts);
        Assert.Single(told.Attestations.Where(a => a.Facts is not null).Select(a => a.Facts).Distinct());
        Assert.NotEmpty(told.Evidence!);

        // The same facts go into the epoch, and into everybody's computation of it.
        var (nonce, deadline) = (Member.Fresh(), Member.Soon());
        await api.Client.CloseEpochAsync(_asset.Asset, new CloseEpochRequest(1, nonce, deadline,
            Hex.Encode(api.Founder.Sign(Messages.CloseEpoch(Messages.Domain(api.Info.ChainId, _asset.Ledger), _asset.Asset, 1, nonce, deadline)))), default);
        await ApiFixture.VerifyAsync(api.Client, api.Info, _verifiers, async () => (await api.Client.EpochsAsync(_asset.Asset, default)).Any(e => e.State == "posted"));
        Assert.True((await api.Client.ContributionAsync(id, default)).Reward!.Amount.Units > 0);
    }

    [Fact]
    public async Task Two_who_refuse_are_enough()
    {
        var (id, drawn) = await ContributeAsync("refused_by_two", "Whatever is written here two of them will not have it");
        await RefuseAsync(id, drawn[0]);
        await RefuseAsync(id, drawn[1]);
        var told = await api.Client.ContributionAsync(id, default);
        Assert.Equal(("refused", 2), (told.State, told.Called));
    }

    [Fact]
    public async Task One_who_is_away_is_replaced_and_only_who_is_called_reads_the_evidence()
    {
        var (id, drawn) = await ContributeAsync("away", "The lighthouse keeper left a note and nobody could read it");
        await SignedRequestTests.RefusedAsync("not-assigned", () => api.Client.EvidenceAsync(id, Ask(drawn[2], "evidence", id), 1 << 20, default));
        var service = api.Node.Services.GetRequiredService<VerificationService>();
        await service.CallReserveAsync(DateTimeOffset.UtcNow.AddHours(-1), default);
        Assert.Equal(2, (await api.Client.ContributionAsync(id, default)).Called); // not silent for so long
        await service.CallReserveAsync(DateTimeOffset.UtcNow.AddMinutes(1), default);
        Assert.Equal(3, (await api.Client.ContributionAsync(id, default)).Called);
        Assert.NotEmpty(await api.Client.EvidenceAsync(id, Ask(drawn[2], "evidence", id), 1 << 20, default));
        await VerifyAsync(id, drawn.Skip(1).Take(2));
        Assert.Equal(("attested", 2), (await api.Client.ContributionAsync(id, default)) is var told ? (told.State, told.Attestations.Count) : default);
        // Who comes back finds it decided.
        await service.CallReserveAsync(DateTimeOffset.UtcNow.AddMinutes(1), default);
        Assert.Equal(3, (await api.Client.ContributionAsync(id, default)).Called);
        await SignedRequestTests.RefusedAsync("not-assigned", () => api.Client.EvidenceAsync(id, Ask(drawn[3], "evidence", id), 1 << 20, default));
    }

    public ValueTask DisposeAsync()
    {
        _verifiers.ForEach(v => v.Dispose());
        return ValueTask.CompletedTask;
    }

    // The contribution, and whom the guardians drew, in their order.
    private async Task<(Hash32 Id, List<KeyFile> Drawn)> ContributeAsync(string account, string text)
    {
        using var member = await Member.PrepareAsync(_asset, Member.Reddit(account, text));
        var id = await member.ContributeAsync(api.Client, api.Info, _asset);
        var told = await api.Client.ContributionAsync(id, default);
        return (id, [.. told.Verifiers.Select(a => _verifiers.Single(v => v.SigningKey.Address == a))]);
    }

    private Task VerifyAsync(Hash32 id, IEnumerable<KeyFile> verifiers) =>
        ApiFixture.VerifyAsync(api.Client, api.Info, verifiers, async () => (await api.Client.ContributionAsync(id, default)).State != "verifying");

    private async Task RefuseAsync(Hash32 id, KeyFile verifier)
    {
        VerifierWork? work;
        while ((work = await api.Client.NextWorkAsync(Ask(verifier, "work", default), default))?.Check?.Contribution != id)
        {
            // Of another contribution: it comes again.
        }
        await api.Client.RefuseAsync(id, new RefuseRequest(work!.Lease, verifier.SigningKey.Address, "too-few-words", "none of it counts",
            Hex.Encode(verifier.SigningKey.Sign(Messages.Refuse(Messages.Domain(api.Info.ChainId, _asset.Ledger), _asset.Asset, id, "too-few-words", "none of it counts")))), default);
    }

    private VerifierRequest Ask(KeyFile verifier, string purpose, Hash32 subject)
    {
        var (key, nonce, deadline) = (verifier.SigningKey, Member.Fresh(), Member.Soon());
        return new VerifierRequest(key.Address, purpose, subject, nonce, deadline,
            Hex.Encode(key.Sign(Messages.VerifierRequest(Messages.Domain(api.Info.ChainId, api.Info.Factory), key.Address, purpose, subject, nonce, deadline))));
    }
}
