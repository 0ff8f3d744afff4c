using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Cli.Commands;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Database;
using Trove.Node.Protocol;
using Trove.Node.Requests;
using static Trove.SystemTests.Api.SignedRequestTests;

namespace Trove.SystemTests.Api;

/// <summary>What buyers, owners, guardians and runners, or who pretends to be one, can send wrongly: refused with what to do, never a failure inside.</summary>
[Collection(nameof(RequestFixture))]
public sealed class RequestRefusalTests(ApiFixture api, RequestFixture at)
{
    private static readonly Hash32 Nothing = new(Enumerable.Repeat((byte)0xaa, 32).ToArray());

    // Each is signed as it is sent: it is refused for its content alone.
    private static readonly Dictionary<string, (Func<RequestTerms, RequestTerms> Change, int Status)> WrongTerms = new(StringComparer.Ordinal)
    {
        ["KindsUnsorted"] = (t => t with { Kinds = ["post", "comment"] }, 400),
        ["KindTwice"] = (t => t with { Kinds = ["comment", "comment"] }, 400),
        ["KindThatNoRecordHas"] = (t => t with { Kinds = ["diary"] }, 400),
        ["KindInCapitals"] = (t => t with { Kinds = ["COMMENT"] }, 400),
        ["NoKinds"] = (t => t with { Kinds = [] }, 400),
        ["YearsBackwards"] = (t => t with { FromYear = 2024, ToYear = 2023 }, 400),
        ["EpochAfterTheSnapshot"] = (t => t with { LastEpoch = t.LastEpoch + 1 }, 409),
        ["EpochBeyondMeasure"] = (t => t with { LastEpoch = ulong.MaxValue }, 409),
        ["NoEpoch"] = (t => t with { LastEpoch = 0 }, 409),
        ["GroupSmallerThanTheAssets"] = (t => t with { GroupSize = 1 }, 409),
        ["PriceBelowTheAssets"] = (t => t with { Price = new Money(999_999) }, 400),
        ["NoPrice"] = (t => t with { Price = new Money(0) }, 400),
        ["PriceTheBuyerHasNot"] = (t => t with { Price = new Money(1_000_000_000_000) }, 409),
        ["PriceBeyondMeasure"] = (t => t with { Price = new Money(UInt128.MaxValue / 2000) }, 400),
        ["NoUses"] = (t => t with { Uses = 0 }, 400),
        ["UsesBeyondMeasure"] = (t => t with { Uses = 1001 }, 400),
        ["AlreadyExpired"] = (t => t with { Expiry = 1 }, 409),
        ["ExpiresInAYear"] = (t => t with { Expiry = t.Expiry + 365 * 86400 }, 409),
        ["ExpiresNever"] = (t => t with { Expiry = long.MaxValue }, 409),
        ["NoNoiseAtAll"] = (t => t with { Epsilon = 0 }, 400),
        ["MoreThanTheBudget"] = (t => t with { Epsilon = ulong.MaxValue }, 400),
        ["CodeOfAnotherQuery"] = (t => t with { CodeHash = Nothing }, 400),
        ["AnotherBuyersMoney"] = (t => t with { Buyer = Address.Parse("0x" + new string('1', 40)) }, 403),
    };

    private static readonly Dictionary<string, (string Field, string Json)> WrongFields = new(StringComparer.Ordinal)
    {
        ["NullKinds"] = ("kinds", "null"),
        ["NullKind"] = ("kinds", "[null]"),
        ["KindOfNumbers"] = ("kinds", "[1]"),
        ["KindTooLong"] = ("kinds", $"[\"{new string('a', 33)}\"]"),
        ["SeventeenKinds"] = ("kinds", $"[{string.Join(',', Enumerable.Range(0, 17).Select(i => $"\"{(char)('a' + i)}\""))}]"),
        ["BuyerKeyThatIsNone"] = ("buyerKey", "\"age1nonsense\""),
        ["BuyerKeyThatIsSecret"] = ("buyerKey", $"\"AGE-SECRET-KEY-1{new string('Q', 58)}\""),
        ["BuyerKeyNull"] = ("buyerKey", "null"),
        ["YearBeyondFourDigits"] = ("toYear", "10000"),
        ["YearBeyondWords"] = ("fromYear", "70000"),
        ["YearNegative"] = ("fromYear", "-1"),
        ["YearAsText"] = ("fromYear", "\"2020\""),
        ["ExpiryNegative"] = ("expiry", "-1"),
        ["UsesNegative"] = ("uses", "-1"),
        ["PriceAsNumber"] = ("price", "5"),
        ["PriceNegative"] = ("price", "\"-5\""),
        ["SaltTooShort"] = ("salt", "\"0x00\""),
        ["EpochNegative"] = ("lastEpoch", "-1"),
        ["UnknownFieldsBesideAMissingOne"] = ("codeHash", "{\"x\":1}"),
    };

    private static readonly Dictionary<string, string> WrongQueries = new(StringComparer.Ordinal)
    {
        ["NotCanonical"] = "select count(*) clip 50 as comments from records",
        ["SpaceBehind"] = RequestFixture.Query + " ",
        ["NoQuery"] = "DROP TABLE records",
        ["AnotherStatementBehind"] = RequestFixture.Query + "; SELECT 1",
        ["Empty"] = "",
        ["TooLong"] = "SELECT " + new string('x', 5000),
        ["Nul"] = "SELECT \0",
    };

    public static TheoryData<string> Terms => [.. WrongTerms.Keys];

    public static TheoryData<string> Fields => [.. WrongFields.Keys];

    public static TheoryData<string> Queries => [.. WrongQueries.Keys];

    [Theory]
    [MemberData(nameof(Terms))]
    public async Task Terms_refused(string name)
    {
        var (change, status) = WrongTerms[name];
        var terms = change(at.Terms());
        await ExpectAsync("POST", "requests", Json(at.Sign(terms)), status, name);
        Assert.DoesNotContain(await at.Client.RequestsAsync(at.Asset.Asset, default), r => r.Terms.Salt == terms.Salt);
    }

    [Theory]
    [MemberData(nameof(Fields))]
    public async Task Malformed_terms_refused(string name)
    {
        var (field, json) = WrongFields[name];
        var body = JsonNode.Parse(Json(at.Sign(at.Terms())))!;
        body["terms"]![field] = JsonNode.Parse(json);
        await ExpectAsync("POST", "requests", body.ToJsonString(), 400, name);
    }

    // The code hash is that of the text as it is sent, so that only its form is wrong.
    [Theory]
    [MemberData(nameof(Queries))]
    public async Task Query_refused(string name)
    {
        var text = WrongQueries[name];
        await ExpectAsync("POST", "requests", Json(at.Sign(at.Terms() with { CodeHash = Keccak256.Hash(Encoding.UTF8.GetBytes(text)) }, text)), 400, name);
    }

    [Fact]
    public async Task Request_whose_payment_is_for_something_else_is_refused()
    {
        var request = at.Sign(at.Terms());
        foreach (var other in new[]
        {
            request with { Terms = request.Terms with { Salt = Member.Fresh() } },
            request with { Terms = request.Terms with { Uses = 2 } },
            request with { Terms = request.Terms with { BuyerKey = new X25519Recipient(Member.Fresh()).ToString() } },
            request with { ValidBefore = request.ValidBefore + 1 },
            at.Sign(request.Terms, asset: at.Bare),
        })
            await RefusedAsync("wrong-signature", () => at.Client.RequestQueryAsync(at.Asset.Asset, other, default));
        await RefusedAsync("expired", () => at.Client.RequestQueryAsync(at.Asset.Asset, at.Sign(request.Terms, validBefore: 1), default));
        await RefusedAsync("deadline-too-far", () => at.Client.RequestQueryAsync(at.Asset.Asset, at.Sign(request.Terms, validBefore: Member.Soon() + 2 * 86400), default));
        await ExpectAsync("POST", "requests", Json(request with { Signature = "0x00" }), 400);
        await ExpectAsync("POST", "requests", "{\"terms\":null,\"query\":null,\"validBefore\":1,\"signature\":null}", 400);
        await ExpectAsync("POST", "requests", Json(request).Replace("records\"", "records\\ud800\"", StringComparison.Ordinal), 400);
    }

    [Fact]
    public async Task Request_on_data_that_nobody_has_contributed_is_refused()
    {
        var refusal = await RefusedAsync("reverted", () => at.Client.RequestQueryAsync(at.Bare.Asset, at.Sign(at.Terms() with { LastEpoch = 1 }, asset: at.Bare), default));
        Assert.Contains("NotSnapshot", refusal.Message, StringComparison.Ordinal);
        Assert.Empty(await at.Client.RequestsAsync(at.Bare.Asset, default));
    }

    [Fact]
    public async Task The_same_request_twice_is_one()
    {
        var request = at.Sign(at.Terms());
        var made = await at.Client.RequestQueryAsync(at.Asset.Asset, request, default);
        Assert.Equal(made.Request, (await at.Client.RequestQueryAsync(at.Asset.Asset, request, default)).Request);
        Assert.Single(await at.Client.RequestsAsync(at.Asset.Asset, default), r => r.Request == made.Request);
    }

    [Fact]
    public async Task What_is_not_there_is_said_so()
    {
        foreach (var path in new[] { $"requests/{Nothing}", $"requests/{Nothing}/inputs", $"proposals/{Nothing}", $"requests/{Nothing}/uses/1/answers?version=1" })
            await ExpectAsync("GET", path, null, 404, path);
        foreach (var (request, code) in new[] { (Nothing, "not-found"), (at.Asked.Request, "no-result"), (at.Open.Request, "no-result") })
        {
            await ExpectAsync("GET", $"requests/{request}/uses/1/result", null, 401); // who has not signed in does not learn whether there is one
            Assert.Equal(404, (await RefusedAsync(code, () => at.Client.SealedResultAsync(at.Asset.Asset, request, 1, at.Buyer, default))).Status);
        }
        foreach (var path in new[] { "requests/nonsense", "requests/0x00/inputs", "proposals/-1", $"requests/{at.Open.Request}/uses/-1/answers?version=1", $"requests/{at.Open.Request}/uses/1/answers", $"requests/{at.Open.Request}/uses/4294967296/result" })
            await ExpectAsync("GET", path, null, 400, path);
        await ExpectAsync("POST", $"proposals/{Nothing}/execution", "", 404);
        await ExpectAsync("POST", $"proposals/{Nothing}/votes", Json(at.Ballot(at.Owner, Nothing)), 404);
        await ExpectAsync("POST", $"requests/{Nothing}/uses", Json(at.OpenUse(Nothing)), 404);
        await ExpectAsync("POST", $"requests/{Nothing}/uses/1/answers", Json(Refusal(at.Guardians[0])), 404);
        await ExpectAsync("PUT", $"requests/{Nothing}/uses/1/result", Json(Result(at.Asked.Request)), 404);
        await ExpectAsync("POST", $"requests/{Nothing}/uses/1/failure", Json(Failure(at.Asked.Request, "internal")), 404);
        await ExpectAsync("POST", $"requests/{Nothing}/uses/1/proofs", Json(Proofs(1)), 404);
        foreach (var path in new[] { "guardians/nobody/work", "runners/0x00/work" })
            await BadInputTests.ExpectAsync(api.Http, new HttpRequestMessage(HttpMethod.Get, "/api/v1/" + path), 400, path);
        // Another asset's request is none of this one's.
        foreach (var path in new[] { "data", "requests", "proposals" })
            await BadInputTests.ExpectAsync(api.Http, new HttpRequestMessage(HttpMethod.Get, $"/api/v1/assets/{at.Runner.Address}/{path}"), 404, path);
        await BadInputTests.ExpectAsync(api.Http, new HttpRequestMessage(HttpMethod.Get, $"/api/v1/assets/{at.Bare.Asset}/requests/{at.Open.Request}"), 404);
        using var stranger = SigningKey.Generate();
        Assert.Empty(await at.Client.GuardianWorkAsync(stranger.Address, default));
        Assert.Empty(await at.Client.RunnerWorkAsync(stranger.Address, default));
    }

    [Fact]
    public async Task Ballots_refused()
    {
        var asked = await at.Client.RequestQueryAsync(at.Asset.Asset, at.Sign(at.Terms()), default);
        var proposal = (await at.ProposeAsync(asked.Request)).Proposal;
        using var stranger = SigningKey.Generate();
        Task<ProposalInfo> Vote(VoteRequest ballot) => at.Client.VoteAsync(at.Asset.Asset, proposal, ballot, default);
        Assert.Equal(403, (await RefusedAsync("no-votes", () => Vote(at.Ballot(stranger, proposal)))).Status);
        await RefusedAsync("wrong-signature", () => Vote(at.Ballot(stranger, proposal) with { Voter = at.Owner.Address }));
        await RefusedAsync("wrong-signature", () => Vote(at.Ballot(at.Owner, asked.Request)));
        await RefusedAsync("wrong-signature", () => Vote(at.Ballot(at.Owner, proposal, support: 0) with { Support = 1 }));
        await ExpectAsync("POST", $"proposals/{proposal}/votes", Json(at.Ballot(at.Owner, proposal, support: 3)), 400);
        await ExpectAsync("POST", $"proposals/{proposal}/votes", Json(at.Ballot(at.Owner, proposal)).Replace("\"support\":1", "\"support\":256", StringComparison.Ordinal), 400);
        await ExpectAsync("POST", $"proposals/{proposal}/votes", Json(at.Ballot(at.Owner, proposal) with { Signature = "0x" }), 400);
        await ExpectAsync("POST", $"proposals/{proposal}/votes", Json(at.Ballot(at.Owner, proposal) with { Signature = "0x" + new string('0', 130) }), 403);
        var counted = await Vote(at.Ballot(at.Owner, proposal, support: 0));
        Assert.Equal((1, 0u), (counted.Voters, counted.For.Units));
        await RefusedAsync("reverted", () => Vote(at.Ballot(at.Owner, proposal, support: 0))); // the nonce is used
        await at.ProposalAsync(proposal, p => p.State == "defeated");
        await RefusedAsync("not-decided", () => at.Client.ExecuteAsync(at.Asset.Asset, proposal, default));
        while ((await at.Client.RequestAsync(at.Asset.Asset, asked.Request, default)).State != "refunded")
            await Task.Delay(100);
        await RefusedAsync("reverted", () => at.Client.OpenUseAsync(at.Asset.Asset, asked.Request, at.OpenUse(asked.Request), default));
    }

    [Fact]
    public async Task Proposals_refused()
    {
        Task<ProposalInfo> Propose(ProposeRequest r) => at.Client.ProposeAsync(at.Asset.Asset, r, default);
        var address = at.Runner.Address;
        foreach (var wrong in new[]
        {
            new ProposeRequest("mint", at.Asked.Request), new ProposeRequest(""),
            new ProposeRequest("Approve", at.Asked.Request), new ProposeRequest("approve"),
            new ProposeRequest("revoke", null, null, 0, 0, "why", address, Member.Soon(), "0x"), new ProposeRequest("runners", null, null, 0, 0, "why", address, Member.Soon(), "0x"),
            new ProposeRequest("runners", null, [address, address], 0, 0, "twice", address, Member.Soon(), "0x"), new ProposeRequest("runners", null, [default], 0, 0, "nobody", address, Member.Soon(), "0x"),
            new ProposeRequest("runners", null, [.. Enumerable.Range(0, 65).Select(i => Address.Parse($"0x{i + 1:x40}"))], 0, 0, "many", address, Member.Soon(), "0x"),
            new ProposeRequest("runners", null, [address], 0, 0, "", address, Member.Soon(), "0x"), new ProposeRequest("runners", null, [address], 0, 0, new string('x', 1001), address, Member.Soon(), "0x"),
            new ProposeRequest("runners", null, [address], 0, 0, "nul\0", address, Member.Soon(), "0x"), new ProposeRequest("runners", null, [address], 0, 0, "why", null, Member.Soon(), "0x"),
            new ProposeRequest("runners", null, [address], 0, 0, "why", address, Member.Soon(), null),
            new ProposeRequest("guardians", null, null, 1, 0, "why", address, Member.Soon(), "0x"), new ProposeRequest("guardians", null, [address], 2, 0, "too many", address, Member.Soon(), "0x"),
            new ProposeRequest("guardians", null, [address], 0, 0, "none", address, Member.Soon(), "0x"), new ProposeRequest("guardians", null, [], 1, 0, "of nobody", address, Member.Soon(), "0x"),
            new ProposeRequest("guardians", null, [address, address], 2, 0, "twice", address, Member.Soon(), "0x"), new ProposeRequest("pause", null, null, 0, 1, "why", address, Member.Soon(), null),
        })
            Assert.Equal(400, (await RefusedAsync("invalid", () => Propose(wrong))).Status);
        await ExpectAsync("POST", "proposals", "{\"action\":\"runners\",\"request\":null,\"accounts\":[null],\"description\":\"x\",\"proposer\":null,\"deadline\":1,\"signature\":null}", 400);

        var action = new Registry(at.Asset.Registry).SetRunners([address]);
        ProposeRequest Signed(SigningKey by, long deadline, string says = "Keep the runner") => new("runners", null, [address], 0, 0, "Keep the runner", by.Address, deadline,
            Hex.Encode(by.Sign(ContractDigests.Propose(api.Info.ChainId, at.Asset.Governor, ContractDigests.ProposalId(action, says), by.Address, (ulong)deadline))));
        using var stranger = SigningKey.Generate();
        await RefusedAsync("wrong-signature", () => Propose(Signed(at.Owner, Member.Soon(), "Another text")));
        await RefusedAsync("wrong-signature", () => Propose(Signed(stranger, Member.Soon()) with { Proposer = at.Owner.Address }));
        await RefusedAsync("expired", () => Propose(Signed(at.Owner, 1)));
        await RefusedAsync("deadline-too-far", () => Propose(Signed(at.Owner, Member.Soon() + 2 * 86400)));
        Assert.Contains("GovernorInsufficientProposerVotes", (await RefusedAsync("reverted", () => Propose(Signed(stranger, Member.Soon())))).Message, StringComparison.Ordinal);
        await RefusedAsync("reverted", () => Propose(new ProposeRequest("approve", Nothing)));
        // There is one vote on a request: asking for another finds it.
        Assert.Equal("executed", (await Propose(new ProposeRequest("approve", at.Open.Request))).State);

        // What owners did sign is shown as what it would do.
        var invited = await VoteCommands.ProposeAsync(at.Client, api.Info, at.Asset, at.Owner, VoteCommands.Invitation([address], 1), null, default);
        Assert.Equal(("guardians", address, 1U), (invited.Action, Assert.Single(invited.Accounts!), invited.Threshold));
        Assert.Equal($"hand the asset's keys to other guardians, 1 of whom will open a part: {address}", await VoteCommands.InWordsAsync(at.Client, api.Info.ChainId, at.Asset, invited, default));
        var paused = await VoteCommands.ProposeAsync(at.Client, api.Info, at.Asset, at.Owner, new ProposedAction(ActionKind.Pause, Until: 4_000_000_000), null, default);
        Assert.Equal(("pause", 4_000_000_000UL), (paused.Action, paused.Until));
        Assert.Equal("release nothing until 2096-10-02 07:06:40Z", await VoteCommands.InWordsAsync(at.Client, api.Info.ChainId, at.Asset, paused, default));
    }

    [Fact]
    public async Task Uses_opened_by_others_or_out_of_order_are_refused()
    {
        var open = at.Open.Request;
        Task<RequestInfo> Open(Hash32 request, OpenUseRequest use) => at.Client.OpenUseAsync(at.Asset.Asset, request, use, default);
        using var stranger = SigningKey.Generate();
        Assert.Contains("NotRunner", (await RefusedAsync("reverted", () => Open(open, at.OpenUse(open, version: 2, runner: stranger)))).Message, StringComparison.Ordinal);
        await RefusedAsync("wrong-signature", () => Open(open, at.OpenUse(open, version: 2, runner: stranger) with { Runner = at.Runner.Address }));
        await RefusedAsync("wrong-signature", () => Open(open, at.OpenUse(open, version: 2) with { OneTimeKey = Member.Fresh() }));
        await RefusedAsync("wrong-signature", () => Open(open, at.OpenUse(at.Asked.Request, version: 2)));
        foreach (var (use, version) in new[] { (1u, 1u), (1u, 3u), (2u, 1u), (0u, 2u), (uint.MaxValue, uint.MaxValue) })
            await RefusedAsync("reverted", () => Open(open, at.OpenUse(open, use, version)));
        Assert.Contains("WrongState", (await RefusedAsync("reverted", () => Open(at.Asked.Request, at.OpenUse(at.Asked.Request)))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Guardians_answers_refused()
    {
        var path = $"requests/{at.Open.Request}/uses/1/answers";
        Task Send(GuardianAnswer answer) => at.Client.AnswerAsync(at.Asset.Asset, at.Open.Request, 1, answer, default);
        using var stranger = KeyFile.Create();
        await RefusedAsync("not-a-guardian", () => Send(Refusal(stranger)));
        await RefusedAsync("wrong-signature", () => Send(Refusal(stranger) with { Guardian = at.Guardians[0].SigningKey.Address }));
        await RefusedAsync("wrong-signature", () => Send(Refusal(at.Guardians[0]) with { Reason = "another" }));
        await RefusedAsync("wrong-signature", () => Send(Refusal(at.Guardians[0]) with { Proofs = true }));
        await RefusedAsync("wrong-signature", () => Send(Release(at.Guardians[0], [1, 2, 3]) with { Sealed = Convert.ToBase64String([1, 2, 4]) }));
        foreach (uint version in new[] { 0u, 2u, uint.MaxValue })
            await RefusedAsync("other-key", () => Send(Refusal(at.Guardians[0]) with { KeyVersion = version }));
        foreach (var (code, reason) in new (string?, string?)[] { (null, "why"), ("", "why"), ("paused", null), ("paused", ""), (new string('x', 65), "why"), ("paused", new string('x', 501)), ("pau\0sed", "why"), ("paused", "why\0") })
            await ExpectAsync("POST", path, Json(Refusal(at.Guardians[0], code, reason)), 400, $"{code} {reason}");
        foreach (var bytes in new[] { "", "   ", "***", "QUJ" })
            await ExpectAsync("POST", path, Json(Release(at.Guardians[0], []) with { Sealed = bytes }), 400, bytes);
        await ExpectAsync("POST", path, Json(Release(at.Guardians[0], [1, 2, 3]) with { Code = "beside", Reason = "\0" }), 400);
        await ExpectAsync("POST", path, Json(Refusal(at.Guardians[0]) with { Signature = "0x" }), 400);
        Assert.Empty(await at.Client.AnswersAsync(at.Asset.Asset, at.Open.Request, 1, 1, default));
        await RefusedAsync("not-found", () => at.Client.AnswerAsync(at.Asset.Asset, at.Asked.Request, 1, Refusal(at.Guardians[0]), default));
        await RefusedAsync("not-found", () => at.Client.AnswerAsync(at.Asset.Asset, at.Open.Request, 2, Refusal(at.Guardians[0]), default));

        // The first answer stays, and no work is left for who gave it.
        Assert.Contains(await at.Client.GuardianWorkAsync(at.Guardians[1].SigningKey.Address, default), w => w.Request == at.Open.Request);
        await Send(Refusal(at.Guardians[1]));
        await Send(Release(at.Guardians[1], [1, 2, 3]));
        Assert.Equal("paused", Assert.Single(await at.Client.AnswersAsync(at.Asset.Asset, at.Open.Request, 1, 1, default)).Code);
        Assert.DoesNotContain(await at.Client.GuardianWorkAsync(at.Guardians[1].SigningKey.Address, default), w => w.Request == at.Open.Request);

        // With the next committee there is work again, for its share, and the former one has nothing to say.
        await RefusedAsync("other-committee", () => Send(Refusal(at.Guardians[1], committee: 2)));
        await SetCommitteeAsync(2);
        try
        {
            var again = Assert.Single(await at.Client.GuardianWorkAsync(at.Guardians[1].SigningKey.Address, default), w => w.Request == at.Open.Request);
            Assert.Equal(2u, again.CommitteeEpoch);
            await RefusedAsync("other-committee", () => Send(Refusal(at.Guardians[1])));
            await RefusedAsync("wrong-signature", () => Send(Refusal(at.Guardians[1]) with { CommitteeEpoch = 2 }));
            await Send(Refusal(at.Guardians[1], "too-late", committee: 2));
            Assert.Equal([(1u, "paused"), (2u, "too-late")], (await at.Client.AnswersAsync(at.Asset.Asset, at.Open.Request, 1, 1, default)).Select(a => (a.CommitteeEpoch, a.Code)));
            Assert.DoesNotContain(await at.Client.GuardianWorkAsync(at.Guardians[1].SigningKey.Address, default), w => w.Request == at.Open.Request);
        }
        finally
        {
            await SetCommitteeAsync(1);
        }
    }

    [Fact]
    public async Task Results_failures_and_wishes_for_proofs_refused()
    {
        var (open, path) = (at.Open.Request, $"requests/{at.Open.Request}/uses/1");
        using var stranger = SigningKey.Generate();
        await RefusedAsync("wrong-signature", () => at.Client.PostResultAsync(at.Asset.Asset, open, 1, Result(open, stranger), default));
        await RefusedAsync("wrong-signature", () => at.Client.PostResultAsync(at.Asset.Asset, open, 1, Result(at.Asked.Request), default));
        await RefusedAsync("wrong-signature", () => at.Client.PostResultAsync(at.Asset.Asset, open, 1, Result(open) with { InputsHash = Nothing }, default));
        await RefusedAsync("not-found", () => at.Client.PostResultAsync(at.Asset.Asset, at.Asked.Request, 1, Result(at.Asked.Request), default));
        await RefusedAsync("not-found", () => at.Client.PostResultAsync(at.Asset.Asset, open, 2, Result(open), default));
        foreach (var bytes in new[] { "", " ", "not base64" })
            await ExpectAsync("PUT", path + "/result", Json(Result(open) with { Sealed = bytes }), 400, bytes);

        foreach (var code in new[] { "", "Internal", "out of memory", "zeile\n", "nul\0", "ünknown", new string('a', 33), "member-said: hello" })
            await ExpectAsync("POST", path + "/failure", Json(new FailureRequest(code, Hex.Encode(at.Runner.Sign(Nothing)))), 400, code);
        await ExpectAsync("POST", path + "/failure", "{\"code\":null,\"signature\":\"0x\"}", 400);
        await RefusedAsync("wrong-signature", () => at.Client.FailUseAsync(at.Asset.Asset, open, 1, Failure(open, "timeout", stranger), default));
        await RefusedAsync("wrong-signature", () => at.Client.FailUseAsync(at.Asset.Asset, open, 1, Failure(open, "timeout") with { Code = "internal" }, default));
        await RefusedAsync("not-found", () => at.Client.FailUseAsync(at.Asset.Asset, at.Asked.Request, 1, Failure(at.Asked.Request, "timeout"), default));

        await RefusedAsync("wrong-signature", () => at.Client.WantProofsAsync(at.Asset.Asset, open, 1, Proofs(1, stranger), default));
        foreach (uint version in new[] { 0u, 2u, uint.MaxValue })
            await RefusedAsync("other-key", () => at.Client.WantProofsAsync(at.Asset.Asset, open, 1, Proofs(version), default));
        Assert.Equal("use-opened", (await at.Client.RequestAsync(at.Asset.Asset, open, default)).State);
    }

    [Fact]
    public async Task What_comes_after_the_end_of_a_use_is_refused()
    {
        // Of its own, so that the shared use stays open: granted, opened, given up.
        var asked = await at.Client.RequestQueryAsync(at.Asset.Asset, at.Sign(at.Terms()), default);
        var proposal = (await at.ProposeAsync(asked.Request)).Proposal;
        await RefusedAsync("not-decided", () => at.Client.ExecuteAsync(at.Asset.Asset, proposal, default));
        await at.Client.VoteAsync(at.Asset.Asset, proposal, at.Ballot(at.Owner, proposal), default);
        await at.ProposalAsync(proposal, p => p.State != "active");
        while ((await at.Client.ExecuteAsync(at.Asset.Asset, proposal, default)).State != "executed")
            await Task.Delay(100);
        await at.Client.OpenUseAsync(at.Asset.Asset, asked.Request, at.OpenUse(asked.Request), default);
        var failed = await at.Client.FailUseAsync(at.Asset.Asset, asked.Request, 1, Failure(asked.Request, "timeout"), default);
        Assert.Equal(("refunded", "timeout"), (failed.State, failed.Uses[0].Code));

        await RefusedAsync("use-closed", () => at.Client.PostResultAsync(at.Asset.Asset, asked.Request, 1, Result(asked.Request), default));
        await RefusedAsync("use-closed", () => at.Client.FailUseAsync(at.Asset.Asset, asked.Request, 1, Failure(asked.Request, "timeout"), default));
        await RefusedAsync("use-closed", () => at.Client.AnswerAsync(at.Asset.Asset, asked.Request, 1, Refusal(at.Guardians[0]), default));
        await RefusedAsync("use-closed", () => at.Client.WantProofsAsync(at.Asset.Asset, asked.Request, 1, Proofs(1), default));
        await RefusedAsync("no-result", () => at.Client.SealedResultAsync(at.Asset.Asset, asked.Request, 1, at.Buyer, default));
        await RefusedAsync("reverted", () => at.Client.OpenUseAsync(at.Asset.Asset, asked.Request, at.OpenUse(asked.Request, version: 2), default));
    }

    private static string Json<T>(T document) => JsonSerializer.Serialize(document, TroveJson.Options);

    // As if the asset's committee had changed.
    private async Task SetCommitteeAsync(uint epoch)
    {
        await using var connection = await api.Node.Services.GetRequiredService<NodeDatabase>().Source.OpenConnectionAsync();
        Assert.Equal(1, await connection.ExecuteAsync("update asset set custody = jsonb_set(custody, '{epoch}', to_jsonb(@epoch)) where asset = @asset", new { epoch = (int)epoch, asset = at.Asset.Asset }));
    }

    private GuardianAnswer Refusal(KeyFile guardian, string? code = "paused", string? reason = "for a test", uint committee = 1) => new(guardian.SigningKey.Address, 1, committee, false, null, code, reason,
        Hex.Encode(guardian.SigningKey.Sign(Messages.RefuseRelease(Messages.Domain(api.Info.ChainId, at.Asset.Grants), at.Open.Request, 1, 1, committee, false, code ?? "", reason ?? ""))));

    private GuardianAnswer Release(KeyFile guardian, byte[] file) => new(guardian.SigningKey.Address, 1, 1, false, Convert.ToBase64String(file), null, null,
        Hex.Encode(guardian.SigningKey.Sign(Messages.Release(Messages.Domain(api.Info.ChainId, at.Asset.Grants), at.Open.Request, 1, 1, 1, false, new Hash32(SHA256.HashData(file))))));

    private ResultRequest Result(Hash32 request, SigningKey? runner = null)
    {
        byte[] file = [1, 2, 3];
        return new ResultRequest(Convert.ToBase64String(file), default, Hex.Encode((runner ?? at.Runner).Sign(ContractDigests.Result(api.Info.ChainId, at.Asset.Grants, request, 1,
            new Hash32(SHA256.HashData(file)), default, at.Runner.Address))));
    }

    private FailureRequest Failure(Hash32 request, string code, SigningKey? runner = null) => new(code,
        Hex.Encode((runner ?? at.Runner).Sign(ContractDigests.Failure(api.Info.ChainId, at.Asset.Grants, request, 1, Trove.Node.Requests.FailureCode.Word(code), at.Runner.Address))));

    private ProofsRequest Proofs(uint version, SigningKey? runner = null) => new((runner ?? at.Runner).Address, version,
        Hex.Encode((runner ?? at.Runner).Sign(Messages.WantProofs(Messages.Domain(api.Info.ChainId, at.Asset.Grants), at.Open.Request, 1, version, at.Runner.Address))));

    private async Task ExpectAsync(string method, string path, string? body, int status, string what = "")
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), string.Create(CultureInfo.InvariantCulture, $"/api/v1/assets/{at.Asset.Asset}/{path}"))
        {
            Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json"),
        };
        await BadInputTests.ExpectAsync(api.Http, request, status, what);
    }
}
