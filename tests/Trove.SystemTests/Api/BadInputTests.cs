using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Trove.SystemTests.Api;

/// <summary>Whatever a stranger sends: refused with problem details that say what to do, never a failure inside.</summary>
public sealed class BadInputTests(ApiFixture api)
{
    private const string Hash = "0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    private const string Owner = "0x1111111111111111111111111111111111111111";

    // ASSET stands for the asset's address. What comes after the name: method, path, body, and the status expected.
    private static readonly Dictionary<string, (string Method, string Path, string? Body, int Status)> Cases = new(StringComparer.Ordinal)
    {
        ["BrokenJson"] = ("POST", "assets/ASSET/contributions", "{\"owner\":", 400),
        ["EmptyBody"] = ("POST", "assets/ASSET/contributions", "", 400),
        ["NullBody"] = ("POST", "assets/ASSET/contributions", "null", 400),
        ["AnotherShape"] = ("POST", "assets/ASSET/contributions", "[1,2,3]", 400),
        ["NoFields"] = ("POST", "assets/ASSET/contributions", "{}", 400),
        ["WrongHex"] = ("POST", "assets/ASSET/contributions", Announce("[]").Replace(Hash, "0xzz", StringComparison.Ordinal), 400),
        ["TwoMegabytes"] = ("POST", "assets/ASSET/contributions", Announce($"\"{new string('x', 2 << 20)}\""), 413),
        ["BracketBomb"] = ("POST", "assets/ASSET/contributions", Announce(new string('[', 100_000)), 400),
        ["NestedObjects"] = ("POST", "assets/ASSET/contributions", string.Concat(Enumerable.Repeat("{\"a\":", 50_000)), 400),
        ["PartsNull"] = ("POST", "assets/ASSET/contributions", Announce("null"), 400),
        ["NoParts"] = ("POST", "assets/ASSET/contributions", Announce("[]"), 400),
        ["NullPart"] = ("POST", "assets/ASSET/contributions", Announce("[null]"), 400),
        ["TooManyParts"] = ("POST", "assets/ASSET/contributions", Announce($"[{string.Join(',', Enumerable.Range(0, 600).Select(i => Part(year: i)))}]"), 400),
        ["PartWithoutBytes"] = ("POST", "assets/ASSET/contributions", Announce($"[{Part(size: "0")}]"), 400),
        ["PartOfNegativeSize"] = ("POST", "assets/ASSET/contributions", Announce($"[{Part(size: "-1")}]"), 400),
        ["PartsWhoseSumOverflows"] = ("POST", "assets/ASSET/contributions", Announce($"[{Part(size: "9223372036854775807")},{Part(size: "9223372036854775807", year: 2001)}]"), 400),
        ["SizeBeyondEveryNumber"] = ("POST", "assets/ASSET/contributions", Announce($"[{Part(size: "1e400")}]"), 400),
        ["YearOutOfRange"] = ("POST", "assets/ASSET/contributions", Announce($"[{Part(year: 10_000)}]"), 400),
        ["KindNotTaken"] = ("POST", "assets/ASSET/contributions", Announce($"[{Part(kind: "mail")}]"), 403),
        ["KindWithNul"] = ("POST", "assets/ASSET/contributions", Announce($"[{Part(kind: "post\\u0000")}]"), 403),
        ["ProofTooShort"] = ("POST", "assets/ASSET/contributions", Announce($"[{Part(proof: "0x00")}]"), 400),
        ["UnknownAsset"] = ("GET", $"assets/{Owner}", null, 404),
        ["AddressThatIsNone"] = ("GET", "assets/TIDE", null, 400),
        ["AddressWithWrongChecksum"] = ("GET", "assets/0x5FbDB2315678afecb367f032d93F642f64180aA3", null, 400),
        ["UnknownContribution"] = ("GET", $"contributions/{Hash}", null, 404),
        ["ContributionThatIsNone"] = ("GET", "contributions/..%2f..%2fetc%2fpasswd", null, 400),
        ["EpochBeyondLong"] = ("GET", "assets/ASSET/epochs/18446744073709551615", null, 404),
        ["EpochBeyondEveryNumber"] = ("GET", "assets/ASSET/epochs/99999999999999999999999", null, 400),
        ["EpochThatIsNone"] = ("GET", "assets/ASSET/epochs/last", null, 400),
        ["LimitThatIsNone"] = ("GET", "assets/ASSET/contributions?limit=many", null, 400),
        ["OwnerThatIsNone"] = ("GET", "assets/ASSET/contributions?owner=me", null, 400),
        ["UnknownPayout"] = ("GET", "assets/ASSET/payouts/21-3%20", null, 404),
        ["UnknownTags"] = ("GET", $"tags/{Hash}", null, 404),
        ["UnknownBlob"] = ("GET", $"blobs/{Hash[2..]}", null, 404),
        ["BlobThatIsNone"] = ("GET", "blobs/../../relayer.secret", null, 404),
        ["PieceWithoutToken"] = ("PUT", $"contributions/{Hash}/blobs/{Hash[2..]}?offset=0", "x", 401),
        ["PieceWithoutOffset"] = ("PUT", $"contributions/{Hash}/blobs/{Hash[2..]}", "x", 400),
        ["PolicyWithoutKinds"] = ("PUT", "policies", Policy("null"), 400),
        ["PolicyWithNullKind"] = ("PUT", "policies", Policy("[null]"), 400),
        ["PolicyWithNumbers"] = ("PUT", "policies", Policy("[\"post\"]").Replace("\"1000000000000000000\"", "1000000000000000000", StringComparison.Ordinal), 400),
        ["AssetOfNobody"] = ("POST", "assets", "{}", 400),
        ["AssetWithNullVerifier"] = ("POST", "assets", NewAsset("[null]"), 400),
        ["AssetWhoseVerifierHasNoKey"] = ("POST", "assets", NewAsset($"[{{\"address\":\"{Owner}\",\"recipient\":\"age1nonsense\"}}]"), 400),
        ["AssetWithAnEmptyName"] = ("POST", "assets", NewAsset("[null]").Replace("\"Name\"", "\"\"", StringComparison.Ordinal), 400),
        ["QuestionOfNulls"] = ("POST", "assets/ASSET/evaluations", Question("null"), 400),
        ["QuestionAboutAnotherAsset"] = ("POST", "assets/ASSET/evaluations", Question($"\"{Owner}\""), 400),
        ["QuestionAboutNoAsset"] = ("POST", $"assets/{Owner}/evaluations", Question($"\"{Owner}\""), 404),
        ["QuestionWithEndlessProof"] = ("POST", "assets/ASSET/evaluations", Question("\"ASSET\"").Replace("\"drawn\":null", $"\"drawn\":{{\"owner\":\"{Owner}\",\"partsRoot\":\"{Hash}\",\"proof\":{{\"committeeEpoch\":1,\"evaluations\":\"{new string('A', 9000)}\"}}}}", StringComparison.Ordinal), 400),
        ["QuestionForever"] = ("POST", "assets/ASSET/evaluations", Question("\"ASSET\"", "9223372036854775807"), 403),
        ["AnswerToNothing"] = ("POST", $"evaluations/{Hash}/answers", $"{{\"guardian\":\"{Owner}\",\"committeeEpoch\":1,\"evaluation\":\"\",\"signature\":\"0x\"}}", 404),
        ["AnswerOfNulls"] = ("POST", $"evaluations/{Hash}/answers", $"{{\"guardian\":\"{Owner}\",\"committeeEpoch\":1,\"evaluation\":null,\"signature\":null}}", 400),
        ["UnknownQuestion"] = ("GET", $"evaluations/{Hash}/answers", null, 404),
        ["QuestionsAfterNonsense"] = ("GET", $"guardians/{Owner}/evaluations?after=nonsense", null, 400),
        ["DollarsAsNumber"] = ("POST", "test-dollars", $"{{\"to\":\"{Owner}\",\"amount\":5,\"nonce\":\"{Hash}\",\"deadline\":1,\"signature\":\"0x\"}}", 400),
        ["DollarsBeyondMeasure"] = ("POST", "test-dollars", $"{{\"to\":\"{Owner}\",\"amount\":\"340282366920938463463374607431768211455\",\"nonce\":\"{Hash}\",\"deadline\":1,\"signature\":\"0x\"}}", 400),
        ["DividendOfNothing"] = ("POST", "assets/ASSET/dividends", $"{{\"from\":\"{Owner}\",\"amount\":\"0\",\"validBefore\":1,\"nonce\":\"{Hash}\",\"signature\":\"0x\"}}", 400),
        ["StakeOfNobody"] = ("GET", "assets/ASSET/stakes/me", null, 400),
        ["StakeInNoAsset"] = ("GET", $"assets/{Owner}/stakes/{Owner}", null, 404),
        ["DepositOfNothing"] = ("POST", "assets/ASSET/stakes", Deposit("0"), 400),
        ["DepositBeyondEveryStake"] = ("POST", "assets/ASSET/stakes", Deposit("79228162514264337593543950336"), 400),
        ["DepositLongPast"] = ("POST", "assets/ASSET/stakes", Deposit("1"), 403),
        ["UnstakeOfNothing"] = ("POST", $"assets/ASSET/stakes/{Owner}/unstake", Unstake("0"), 400),
        ["UnstakeBeyondEveryStake"] = ("POST", $"assets/ASSET/stakes/{Owner}/unstake", Unstake("340282366920938463463374607431768211455"), 400),
        ["UnstakeLongPast"] = ("POST", $"assets/ASSET/stakes/{Owner}/unstake", Unstake("1"), 403),
        ["UnknownSlashing"] = ("POST", "assets/ASSET/slashings/18446744073709551615/payment", null, 404),
        ["SlashingBeyondEveryNumber"] = ("POST", "assets/ASSET/slashings/18446744073709551616/payment", null, 400),
        ["SlashingsAfterNonsense"] = ("GET", "assets/ASSET/slashings?after=nonsense", null, 400),
        ["DeadlineLongPast"] = ("POST", "assets/ASSET/claims", $"{{\"owner\":\"{Owner}\",\"nonce\":\"{Hash}\",\"deadline\":-9223372036854775808,\"signature\":\"0x\"}}", 403),
        ["SignatureTooShort"] = ("POST", "assets/ASSET/claims", $"{{\"owner\":\"{Owner}\",\"nonce\":\"{Hash}\",\"deadline\":SOON,\"signature\":\"0x\"}}", 400),
        ["SignatureOfZeros"] = ("POST", "assets/ASSET/claims", $"{{\"owner\":\"{Owner}\",\"nonce\":\"{Hash}\",\"deadline\":SOON,\"signature\":\"0x{new string('0', 130)}\"}}", 403),
        ["SignatureWithWildRecovery"] = ("POST", "assets/ASSET/claims", $"{{\"owner\":\"{Owner}\",\"nonce\":\"{Hash}\",\"deadline\":SOON,\"signature\":\"0x{new string('1', 128)}ff\"}}", 403),
        ["HeartbeatOfNoLease"] = ("POST", "verifier/leases/nonsense/heartbeat", "{}", 400),
        ["RefusalOfNothing"] = ("POST", $"contributions/{Hash}/refusals", $"{{\"lease\":\"1.{new string('0', 32)}\",\"verifier\":\"{Owner}\",\"code\":\"x\",\"reason\":\"x\",\"signature\":\"0x\"}}", 404),
        ["AttestationOfNulls"] = ("POST", $"contributions/{Hash}/attestations", $"{{\"lease\":null,\"verifier\":\"{Owner}\",\"facts\":null,\"evidence\":null,\"tags\":null,\"signature\":null}}", 400),
        ["NoSuchEndpoint"] = ("GET", "nothing/here", null, 404),
        ["NoSuchMethod"] = ("DELETE", "assets/ASSET", null, 405),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Refused(string name)
    {
        await api.ReadyAsync();
        var (method, path, body, status) = Cases[name];
        using var request = Request(method, path, body);
        await ExpectAsync(api.Http, request, status);
    }

    [Fact]
    public async Task OtherContentType()
    {
        await api.ReadyAsync();
        using var request = Request("POST", "assets/ASSET/claims", "owner=me");
        request.Content!.Headers.ContentType = new MediaTypeHeaderValue("application/x-www-form-urlencoded");
        await ExpectAsync(api.Http, request, 415);
    }

    // Any valid request with one field missing, null or of another type is refused as a whole.
    [Fact]
    public async Task EveryFieldMissingNullOrOfAnotherType()
    {
        await api.ReadyAsync();
        var requests = new (string Method, string Path, string Body)[]
        {
            ("POST", "assets/ASSET/contributions", Announce($"[{Part()}]")),
            ("PUT", "policies", Policy("[\"post\"]")),
            ("POST", "assets", NewAsset("[]")),
            ("POST", "assets/ASSET/claims", $"{{\"owner\":\"{Owner}\",\"nonce\":\"{Hash}\",\"deadline\":1,\"signature\":\"0x\"}}"),
            ("POST", "assets/ASSET/stakes", Deposit("1")),
            ("POST", $"assets/ASSET/stakes/{Owner}/unstake", Unstake("1")),
            ("POST", "verifier/work", $"{{\"verifier\":\"{Owner}\",\"purpose\":\"work\",\"subject\":\"{Hash}\",\"nonce\":\"{Hash}\",\"deadline\":1,\"signature\":\"0x\"}}"),
            ("POST", "assets/ASSET/evaluations", Question($"\"{Owner}\"", "1")),
            ("POST", $"evaluations/{Hash}/answers", $"{{\"guardian\":\"{Owner}\",\"committeeEpoch\":1,\"evaluation\":\"\",\"signature\":\"0x\"}}"),
            ("POST", $"assets/ASSET/epochs/1/signatures", $"{{\"lease\":\"1.{new string('0', 32)}\",\"verifier\":\"{Owner}\",\"root\":\"{Hash}\",\"signature\":\"0x\"}}"),
        };
        foreach (var (method, path, body) in requests)
            foreach (var field in JsonDocument.Parse(body).RootElement.EnumerateObject().Select(f => f.Name).ToList())
                foreach (var change in new[] { null, "null", "true", "[[]]" })
                {
                    var node = System.Text.Json.Nodes.JsonNode.Parse(body)!.AsObject();
                    if (change is null)
                        node.Remove(field);
                    else
                        node[field] = System.Text.Json.Nodes.JsonNode.Parse(change);
                    using var request = Request(method, path, node.ToJsonString());
                    await ExpectAsync(api.Http, request, 400, $"{path} with {field} {change ?? "missing"}");
                }
    }

    private HttpRequestMessage Request(string method, string path, string? body) => new(new HttpMethod(method), "/api/v1/" + path.Replace("ASSET", api.Asset.Asset.ToString(), StringComparison.Ordinal))
    {
        Content = body is null ? null : new StringContent(body.Replace("SOON", $"{Member.Soon()}", StringComparison.Ordinal).Replace("ASSET", api.Asset.Asset.ToString(), StringComparison.Ordinal), Encoding.UTF8, path.Contains("/blobs/", StringComparison.Ordinal) ? "application/octet-stream" : "application/json"),
        Headers = { ExpectContinue = body?.Length > 1 << 20 }, // an answer before the body is sent, not into it
    };

    /// <summary>Sends a request that must be refused with this status, and looks whether the node is well.</summary>
    internal static async Task ExpectAsync(HttpClient http, HttpRequestMessage request, int status, string what = "")
    {
        using (var response = await http.SendAsync(request))
        {
            var text = await response.Content.ReadAsStringAsync();
            Assert.True(status == (int)response.StatusCode, $"{what}: {(int)response.StatusCode} instead of {status}: {text}");
            Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
            var problem = JsonDocument.Parse(text).RootElement;
            Assert.StartsWith("urn:trove:problem:", problem.GetProperty("type").GetString(), StringComparison.Ordinal);
            foreach (var member in new[] { "title", "detail", "nextStep" })
                Assert.NotEqual("", problem.GetProperty(member).GetString());
            Assert.DoesNotContain(" at Trove.", text, StringComparison.Ordinal); // a stack trace is for the log
        }
        using var health = await http.GetAsync("/health");
        Assert.True(health.IsSuccessStatusCode);
    }

    private static string Deposit(string amount) => $"{{\"account\":\"{Owner}\",\"amount\":\"{amount}\",\"validBefore\":1,\"nonce\":\"{Hash}\",\"signature\":\"0x\"}}";

    private static string Unstake(string amount) => $"{{\"amount\":\"{amount}\",\"deadline\":1,\"signature\":\"0x\"}}";

    private static string Announce(string parts) => $"{{\"owner\":\"{Owner}\",\"salt\":\"{Hash}\",\"parts\":{parts},\"nonce\":\"{Hash}\",\"deadline\":1,\"signature\":\"0x\"}}";

    private static string Part(string kind = "post", int year = 2000, string size = "5", string? proof = null) =>
        $"{{\"kind\":\"{kind}\",\"year\":{year},\"ephemeralShare\":\"{Hash}\",\"headerHash\":\"{Hash}\",\"sha256\":\"{Hash}\",\"size\":{size},\"proof\":\"{proof ?? "0x" + new string('0', 192)}\"}}";

    private static string Policy(string kinds) =>
        $"{{\"sharesPerWord\":\"1000000000000000000\",\"epochCap\":\"1000000000000000000\",\"ownerCap\":\"1000000000000000000\",\"halvingWords\":0,\"minimumWords\":1,\"kinds\":{kinds},\"evidence\":{{\"base\":8000,\"rules\":[]}},\"quality\":{{\"variety\":1,\"repetition\":1,\"letters\":1,\"digits\":1,\"lengths\":1,\"pairs\":1}},\"queryPrice\":\"1\",\"trainPrice\":\"1\",\"copyPrice\":\"1\"}}";

    private static string Question(string asset, string deadline = "SOON") =>
        $"{{\"asset\":{asset},\"contribution\":\"{Hash}\",\"verifier\":\"{Owner}\",\"blinded\":\"{Hash}\",\"deadline\":{deadline},\"signature\":\"0x\",\"drawn\":null}}";

    private static string NewAsset(string verifiers) =>
        $"{{\"founder\":\"{Owner}\",\"name\":\"Name\",\"symbol\":\"SYM\",\"salt\":\"{Hash}\",\"recipient\":\"age1\",\"policy\":{Policy("[\"post\"]")},\"verifiers\":{verifiers},\"threshold\":1,\"deadline\":1,\"signature\":\"0x\"}}";
}
