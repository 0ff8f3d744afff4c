using System.Security.Cryptography;
using Trove.Chain;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Protocol;

namespace Trove.SystemTests.Api;

/// <summary>
/// A signature is good for one chain, contract, asset, purpose, nonce and deadline, and from one key. Each request is
/// signed with one of them wrong, and otherwise exactly as it should be.
/// </summary>
public sealed class SignedRequestTests(ApiFixture api)
{
    private static readonly string[] Requests = ["announce", "manifest", "question", "close-epoch", "claim", "test-dollars", "work", "heartbeat", "evidence", "withdraw", "dividend", "delegation", "statement", "deposit", "unstake"];
    private static readonly string[] Wrongs = ["key", "chain", "contract", "asset", "purpose", "past", "far", "none"];

    public static TheoryData<string> Names => [.. Requests];

    /// <summary>What the digest is made of, with at most one thing wrong.</summary>
    private sealed record Signed(string Wrong, ulong Chain, Address Ledger, Address Factory, Address Asset, Hash32 Nonce, long Deadline)
    {
        public string Sign(SigningKey right, Hash32 digest)
        {
            using var stranger = SigningKey.Generate();
            var over = Wrong == "purpose" ? Messages.Refuse(Messages.Domain(Chain, Ledger), Asset, digest, "purpose", "another") : digest;
            return Hex.Encode((Wrong == "key" ? stranger : right).Sign(over));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Signature_for_anything_else_is_refused(string request)
    {
        await api.ReadyAsync();
        using var member = await Member.PrepareAsync(api.Asset, Member.Reddit("signer" + Guid.NewGuid().ToString("N")[..8], "Seven words that are new to everybody"));
        var announced = await Evaluators.AnnounceAsync(api.Client, api.Info, api.Asset, member.Announce(api.Info, api.Asset));
        await member.SealAsync(announced);
        foreach (var wrong in Wrongs)
        {
            if (wrong == "asset" && request is "test-dollars" or "work" or "heartbeat" or "evidence")
                continue; // these belong to no asset
            if (request == "statement" && wrong is "past" or "far")
                continue; // a revision takes its place, no deadline
            var signed = new Signed(wrong, api.Info.ChainId + (wrong == "chain" ? 1ul : 0), wrong == "contract" ? api.OtherAsset.Ledger : api.Asset.Ledger,
                wrong == "contract" ? api.Info.PaymentToken : api.Info.Factory, wrong == "asset" ? api.OtherAsset.Asset : api.Asset.Asset, Member.Fresh(), Deadline(wrong));
            var error = await Record.ExceptionAsync(() => SendAsync(request, signed, member, announced));
            if (wrong == "none")
            {
                // Taken, or refused for what the asset's state is; in any case the signature was not the reason.
                Assert.True(error is null or TroveApiException { Status: 409 or 404 } or TroveApiException { Code: "not-assigned" or "no-votes" }, $"{request}: {error}");
                continue;
            }
            var refusal = Assert.IsType<TroveApiException>(error);
            Assert.Equal((request, wrong, 403, wrong switch { "past" => "expired", "far" => "deadline-too-far", _ => "wrong-signature" }), (request, wrong, refusal.Status, refusal.Code));
            Assert.NotEqual("see the node's log", refusal.NextStep); // what the client says where the node said nothing
        }
    }

    [Fact]
    public async Task Nonce_serves_once_whatever_it_is_used_for()
    {
        await api.ReadyAsync();
        using var key = SigningKey.Generate();
        var signed = new Signed("none", api.Info.ChainId, api.Asset.Ledger, api.Info.Factory, api.Asset.Asset, Member.Fresh(), Member.Soon());
        var request = Faucet(signed, key);
        await api.Client.FaucetAsync(request, default);
        await RefusedAsync("nonce-used", () => api.Client.FaucetAsync(request, default));
        await RefusedAsync("nonce-used", () => api.Client.FaucetAsync(Faucet(signed with { Deadline = signed.Deadline + 1 }, key), default));
        await RefusedAsync("nonce-used", () => api.Client.ClaimAsync(api.Asset.Asset, Claim(signed, key), default));
        using var member = await Member.PrepareAsync(api.Asset, Member.Reddit("nonce", "Eight words that are rather new to everybody"), key);
        await RefusedAsync("nonce-used", () => api.Client.AnnounceAsync(api.Asset.Asset, member.Announce(api.Info, api.Asset, nonce: signed.Nonce), default));
        // Another signer may draw the same number.
        using var other = SigningKey.Generate();
        await api.Client.FaucetAsync(Faucet(signed, other), default);
    }

    [Theory]
    [InlineData("work")]
    [InlineData("heartbeat")]
    [InlineData("evidence")]
    public async Task Verifier_request_serves_once_and_for_its_purpose(string purpose)
    {
        await api.ReadyAsync();
        using var member = await Member.PrepareAsync(api.Asset, Member.Reddit("purpose" + purpose, "Six words new to everybody here"));
        var announced = await Evaluators.AnnounceAsync(api.Client, api.Info, api.Asset, member.Announce(api.Info, api.Asset));
        var signed = new Signed("none", api.Info.ChainId, api.Asset.Ledger, api.Info.Factory, api.Asset.Asset, Member.Fresh(), Member.Soon());
        // A verifier of nothing: it has no work, so that asking does not wait for the tests' own verifiers' queues.
        using var verifier = SigningKey.Generate();
        var request = Ask(signed, verifier, purpose, purpose == "evidence" ? announced.Contribution : default);
        foreach (var other in new[] { "work", "heartbeat", "evidence" }.Where(o => o != purpose))
            await RefusedAsync("wrong-purpose", () => SendToAsync(other, request, announced.Contribution));
        if (purpose == "evidence")
            await RefusedAsync("wrong-purpose", () => SendToAsync(purpose, Ask(signed, verifier, purpose, Member.Fresh()), announced.Contribution));
        await Record.ExceptionAsync(() => SendToAsync(purpose, request, announced.Contribution));
        await RefusedAsync("nonce-used", () => SendToAsync(purpose, request, announced.Contribution));
    }

    // Each request that waits for work asks the database several times a second: only verifiers may have that.
    [Fact]
    public async Task Only_verifiers_wait_long_for_work()
    {
        await api.ReadyAsync();
        using KeyFile verifier = KeyFile.Create(), stranger = KeyFile.Create();
        await ApiFixture.CreateAssetAsync(api.Client, api.Info, api.Founder, [verifier], "WAIT");
        using var stop = new CancellationTokenSource();
        var signed = new Signed("none", api.Info.ChainId, api.Asset.Ledger, api.Info.Factory, api.Asset.Asset, Member.Fresh(), Member.Soon());
        var waiting = api.Client.NextWorkAsync(Ask(signed, verifier.SigningKey, "work", default), stop.Token);
        for (int i = 0; i < 3; i++)
        {
            Assert.Null(await api.Client.NextWorkAsync(Ask(signed with { Nonce = Member.Fresh() }, stranger.SigningKey, "work", default), default));
            Assert.False(waiting.IsCompleted, "three strangers in a row are answered while one verifier waits");
        }
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    private static long Deadline(string wrong) => wrong switch
    {
        "past" => DateTimeOffset.UtcNow.AddSeconds(-5).ToUnixTimeSeconds(),
        "far" => DateTimeOffset.UtcNow.AddHours(24).AddMinutes(5).ToUnixTimeSeconds(),
        _ => Member.Soon(),
    };

    private async Task SendAsync(string request, Signed s, Member member, AnnounceResponse announced)
    {
        var (client, asset, domain) = (api.Client, api.Asset, Messages.Domain(s.Chain, s.Ledger));
        switch (request)
        {
            case "announce":
                using (var other = await Member.PrepareAsync(asset, Member.Reddit("announcer", "Five words new to everybody")))
                {
                    var (id, parts) = (other.Id(api.Info, asset), other.Parts(api.Info, asset));
                    var digest = Messages.Announce(domain, s.Asset, id, other.Key.Address, Member.Root(id, parts), parts.Sum(p => p.Size), s.Nonce, s.Deadline);
                    await Evaluators.AnnounceAsync(client, api.Info, asset, new AnnounceRequest(other.Key.Address, other.Salt, parts, s.Nonce, s.Deadline, s.Sign(other.Key, digest)));
                }
                break;
            case "manifest":
                var evidence = new Hash32(SHA256.HashData(member.Evidence));
                await client.SetManifestAsync(announced.Contribution, new ManifestRequest(evidence, member.Evidence.Length, announced.AnnouncedBlock, asset.PolicyHash, s.Nonce, s.Deadline,
                    s.Sign(member.Key, Messages.Manifest(domain, s.Asset, announced.Contribution, member.Key.Address, Member.Root(announced.Contribution, member.Parts(api.Info, asset)),
                        evidence, member.Evidence.Length, announced.AnnouncedBlock, asset.PolicyHash, s.Nonce, s.Deadline))), default);
                break;
            case "question":
                var asker = api.Verifiers[0].SigningKey;
                await client.AskGuardiansAsync(new OprfQuestion(asset.Asset, announced.Contribution, asker.Address, s.Nonce, s.Deadline,
                    s.Sign(asker, Messages.Evaluate(domain, s.Asset, announced.Contribution, asker.Address, s.Nonce, s.Deadline)), null), default);
                break;
            case "close-epoch":
                await client.CloseEpochAsync(asset.Asset, new CloseEpochRequest(1_000_000, s.Nonce, s.Deadline,
                    s.Sign(api.Founder, Messages.CloseEpoch(domain, s.Asset, 1_000_000, s.Nonce, s.Deadline))), default);
                break;
            case "claim":
                await client.ClaimAsync(asset.Asset, Claim(s, member.Key), default);
                break;
            case "test-dollars":
                await client.FaucetAsync(Faucet(s, member.Key), default);
                break;
            case "withdraw":
                await client.WithdrawAsync(announced.Contribution, new WithdrawRequest(s.Deadline, s.Sign(member.Key, ContractDigests.Withdraw(s.Chain, s.Ledger,
                    s.Wrong == "asset" ? Address.Parse("0x" + new string('1', 40)) : member.Key.Address, announced.Contribution, (ulong)s.Deadline))), default);
                break;
            case "dividend":
                var token = s.Wrong is "chain" or "contract" ? Messages.Domain(s.Chain, s.Ledger) : api.Info.PaymentTokenDomain;
                await client.PayAsync(asset.Asset, new DividendRequest(member.Key.Address, new Money(1), s.Deadline, s.Nonce,
                    s.Sign(member.Key, ContractDigests.ReceiveWithAuthorization(token, member.Key.Address, s.Asset, 1, (ulong)s.Deadline, s.Nonce))), default);
                break;
            case "delegation":
                await client.DelegateAsync(asset.Asset, new DelegationRequest(member.Key.Address, member.Key.Address, 0, s.Deadline,
                    s.Sign(member.Key, ContractDigests.Delegation(s.Chain, s.Wrong == "contract" ? s.Ledger : s.Asset, asset.Name, member.Key.Address, 0, (ulong)s.Deadline))), default);
                break;
            case "deposit":
                await client.DepositAsync(asset.Asset, new DepositRequest(member.Key.Address, new Money(1), s.Deadline, s.Nonce,
                    s.Sign(member.Key, ContractDigests.ReceiveWithAuthorization(s.Wrong is "chain" or "contract" ? Messages.Domain(s.Chain, s.Ledger) : api.Info.PaymentTokenDomain, member.Key.Address,
                        s.Wrong == "asset" ? api.OtherAsset.Stakes : asset.Stakes, 1, (ulong)s.Deadline, s.Nonce))), default);
                break;
            case "unstake":
                await client.UnstakeAsync(asset.Asset, member.Key.Address, new UnstakeRequest(new Money(1), s.Deadline, s.Sign(member.Key,
                    ContractDigests.Unstake(s.Chain, s.Wrong switch { "contract" => s.Ledger, "asset" => api.OtherAsset.Stakes, _ => asset.Stakes }, member.Key.Address, 1, (ulong)s.Deadline))), default);
                break;
            case "statement":
                await client.StateAsync(asset.Asset, member.Key.Address, new StatementRequest("I read every query", 1,
                    s.Sign(member.Key, Messages.DelegateStatement(domain, s.Asset, member.Key.Address, "I read every query", 1))), default);
                break;
            default:
                using (var verifier = SigningKey.Generate())
                {
                    await SendToAsync(request, Ask(s, s.Wrong == "key" ? api.Verifiers[0].SigningKey : verifier, request, request == "evidence" ? announced.Contribution : default), announced.Contribution);
                }
                break;
        }
    }

    private static FaucetRequest Faucet(Signed s, SigningKey key) => new(key.Address, new Money(5), s.Nonce, s.Deadline,
        s.Sign(key, Messages.TestDollars(Messages.Domain(s.Chain, s.Factory), key.Address, new Money(5), s.Nonce, s.Deadline)));

    private static ClaimRequest Claim(Signed s, SigningKey key) => new(key.Address, s.Nonce, s.Deadline,
        s.Sign(key, Messages.Claim(Messages.Domain(s.Chain, s.Ledger), s.Asset, key.Address, s.Nonce, s.Deadline)));

    private static VerifierRequest Ask(Signed s, SigningKey key, string purpose, Hash32 subject) => new(key.Address, purpose, subject, s.Nonce, s.Deadline,
        s.Sign(key, Messages.VerifierRequest(Messages.Domain(s.Chain, s.Factory), key.Address, purpose, subject, s.Nonce, s.Deadline)));

    private Task SendToAsync(string endpoint, VerifierRequest request, Hash32 contribution) => endpoint switch
    {
        "work" => api.Client.NextWorkAsync(request, default),
        "heartbeat" => api.Client.HeartbeatAsync($"1.{Guid.NewGuid():N}", request, default),
        _ => api.Client.EvidenceAsync(contribution, request, 1 << 20, default),
    };

    internal static async Task<TroveApiException> RefusedAsync(string code, Func<Task> send)
    {
        var refusal = await Assert.ThrowsAsync<TroveApiException>(send);
        Assert.Equal(code, refusal.Code);
        Assert.NotEqual("see the node's log", refusal.NextStep);
        return refusal;
    }
}
