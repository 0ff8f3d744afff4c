using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Npgsql;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Crypto.Dkim;
using Trove.Node.Api;
using Trove.Node.Database;
using Trove.Node.Dns;
using Trove.Node.Guardians;
using Trove.Node.Operations;
using Trove.Node.Protocol;
using Trove.Node.Runners;
using Trove.Node.Verification;
using Trove.Node.Verification.Pages;
using Trove.Tests.Node;
using static Trove.Tests.Fuzz.FuzzCheckException;
using static Trove.Tests.Fuzz.FuzzTarget;

namespace Trove.Tests.Fuzz;

/// <summary>Files and frames between node, members, guardians and runners, arguments, and the answers of a node that lies.</summary>
internal static class NodeTargets
{
    private static readonly Hash32 Request = Keccak256.Hash("request"u8);
    private const string MailAsSigned = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=reddit.com; s=s; h=from:to:subject:date; bh=C7PtsnyQgPFdXHqh+E5+9E3B6SByZtfRNEQOISqqpPo=; b=AAAA\r\nFrom: Reddit <a@reddit.com>\r\nTo: Maya <m@b.cd>\r\nSubject: Your export\r\nDate: Fri, 1 May 2026 12:00:00 +0000\r\n\r\nHi maya, fetch it soon.\r\n";
    private static readonly string WalletCode = AccountCode.Of(1, default, default);
    private static readonly byte[] DnsQuestion = DnsMessage.Ask(7, "a.example");

    public static IEnumerable<FuzzTarget> All() =>
    [
        new("evidence-file", ["EvidenceFile.Read"], [Evidence("me", 1, 1), Evidence("", 0, 0)], ReadEvidence, o => o is (2, > 3, 2), typeof(FormatException)) { Tokens = [new byte[64], [0, 0, 0, 2], [0, 0, 0, 0]] },
        new("mail-evidence", ["MailEvidence.Problem"], Text(MailAsSigned), MailProblem, o => o is "its signature leaves out To, Subject or Date") { Cost = 5, Memory = 4 << 20, Tokens = Text("\r\n", "To: ", "From: a@reddit.com\r\n", "Date: Mon, 4 May 2026 12:00:00 +0000\r\n", ", b@c.de", "<", ">", "\"", "(", "@", "h=from:", "d=x.reddit.com; ") },
        new("reddit-answer", ["RedditPages.ReadProfile", "RedditPages.ReadThings"], Text(RedditAnswers.Profile("maya", "herons"), RedditAnswers.Listing(RedditAnswers.Comment("1", "maya", WalletCode), RedditAnswers.Post("2", "maya", "a", "b"))),
            ReadReddit, o => o is ("passed", _) or (_, > 2)) { Json = true, Memory = 4 << 20, Tokens = Text(WalletCode, "\n" + WalletCode + "\n", "t1_1", "\"author\":\"maya\"", "\"public_description\":\"\"", "[deleted]") },
        new("reddit-token", ["RedditPages.ReadToken"], Text(RedditAnswers.Token("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJsb2lkIn0.a-b_c"), RedditAnswers.Token("MTQ0NjJkZmQ5OTM2NDE1ZTZjNGZmZjI3==")), ReadToken, o => o is (> 100.0, > 3600.0)) { Json = true, Tokens = Text("\r\n", "\\r\\n", "\\u0000", "\\ud800", "=", "~+/", "1e300", "-1", "0.5", "86400", "604801", "\"Bearer\"") },
        new("post-address", ["RedditPages.ParsePost"], Text("https://www.reddit.com/r/a/comments/1abc/b/", "https://old.reddit.com/user/maya/comments/1/b/c2/?context=3"), ReadAddress, o => o is string { Length: > 8 }) { Tokens = Text("/comments/", "%2C", ",", "..", "@", ":443", "www.reddit.com", "#", "?id=") },
        new("release-file", ["ReleaseFile.Parse", "ReleaseFile.OpenAsync"], [Release(1, false), Release(2, true), Release(0, false)], ReadRelease, o => o is (> 2, true), typeof(ThresholdException)) { Tokens = [[0, 0, 0, 3], [1]], Record = 32 },
        new("dns-answer", ["DnsMessage.Read", "TxtResolver.ParseServers"], [DnsReply(1, 0xC0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, 3, 2, (byte)'p', (byte)'='), DnsReply(0)], DnsAnswer, o => o is TxtAnswer { Records: [{ Length: > 1 }, { Length: > 1 }, ..] })
            { Tokens = [[0xC0, 12], [0xC0, 0], [0, 16, 0, 1, 0, 0, 0, 60, 0, 3, 2, 97, 98], [0, 5, 0, 1, 0, 0, 0, 60, 0, 2, 0xC0, 12], [0, 2], [1, 97, 0]] },
        new("frame", ["Frames.Read"], [Frame([1, 2, 3]), Frame([])], i => Frames.Read(new MemoryStream(i), 1 << 16), o => o is (Frames.Start, byte[] { Length: > 6 }), typeof(EndOfStreamException), typeof(InvalidDataException)) { Memory = 1 << 18 },
        new("huge-frame", ["Frames.Read"], [Frame([1, 2, 3])], i => Frames.Read(new MemoryStream(i), 1 << 30), o => o is EndOfStreamException, typeof(EndOfStreamException), typeof(InvalidDataException)) { Memory = 1 << 18 },
        new("database-url", ["DatabaseUrl.Parse"], Text("postgresql://user:password@db.example:5432/trove?sslmode=verify-full", "postgres://u@localhost/d", "postgresql://u:p@x/d?host=/run/postgresql"), Url, o => o is NpgsqlConnectionStringBuilder { SslMode: SslMode.Prefer, Host: not "localhost" } b && b.Host?.StartsWith('/') == false, typeof(DatabaseException))
            { Tokens = Text("%00", "%2C", ",", ";", "sslmode=", "host=", "-1", "127.0.0.1", "[::1]", "&", "@", "%"), Memory = 2 << 20 },
        new("lease", ["VerifierJob.ReadLease"], Text("12.0123456789abcdef0123456789abcdef"), i => VerifierJob.ReadLease(Targets.Text(i), default), o => o is WorkItem { Id: > int.MaxValue }),
        new("path-values", ["Parse.Address", "Parse.Hash", "Parse.OptionalAddress"], Text(Request.ToString(), "0x1111111111111111111111111111111111111111"), i => Parse.Hash(Targets.Text(i)) is var h ? (h, h.ToArray()[0] == 0xFF) : null, o => o is (_, true), typeof(ApiException)) { Tokens = Text("ff") },
        new("sign-in-message", ["SignInMessage.TryParse"], Text("example.com wants you to sign in with your Ethereum account:\n0x9655A3F7E4fA33618210DDd14616E0cF84eBEB0b\n\nI accept the terms\n\nURI: https://example.com/login\nVersion: 1\nChain ID: 1\nNonce: 32891756\nIssued At: 2021-09-30T16:25:24Z"),
            i => SignInMessage.TryParse(Targets.Text(i)), o => o is SignInMessage { ChainId: > 1 }) { Tokens = Text("\nExpiration Time: 2031-09-30T16:25:24Z", "\nRequest ID: x", "\nResources:\n- https://example.com", "18446744073709551615", "7") },
        new("backup-manifest", ["BackupManifest.Read", "BackupManifest.Parse"], Text($$"""{"format":1,"made":5,"program":"1.0.0","migration":"0007_many_nodes","blocks":3,"files":[{"path":"chain/journal","size":5,"sha256":"{{Request}}"}],"blobs":[{"sha256":"{{Request}}","size":5}],"missing":[]}"""),
            i => BackupManifest.Parse(new MemoryStream(i)), o => o is BackupManifest { Files.Count: > 1 }, typeof(JsonException)) { Json = true },
        Answer("node-info", c => c.InfoAsync(default), $$"""{"version":"1","chainId":5,"rpc":"/rpc","factory":"{{Zeros(20)}}","paymentToken":"{{Zeros(20)}}","paymentTokenDomain":"{{Request}}","operatorTrusted":true,"codeVersion":"{{Request}}"}""",
            o => o is NodeInfo { ChainId: ulong.MaxValue }),
        Answer("node-blobs", c => c.BlobsAsync(Request, default), $$"""{"contribution":"{{Request}}","pieceBytes":8388608,"blobs":[{"sha256":"{{Request}}","kind":"part","size":5,"received":0,"state":"receiving"}]}""", o => o is BlobList { Blobs.Count: > 1 }),
        Answer("node-problem", ProblemAsync,
            """{"type":"urn:trove:problem:wrong-offset","title":"Wrong offset","status":409,"detail":"the piece starts elsewhere","nextStep":"continue there","received":5}""", o => o is TroveApiException { Received: > int.MaxValue }, HttpStatusCode.Conflict),
    ];

    private static byte[] DnsReply(byte records, params byte[] data) => [0, 7, 0x81, 0x80, 0, 1, 0, records, 0, 0, 0, 0, .. DnsQuestion[12..^11], .. data];

    private static object DnsAnswer(byte[] input)
    {
        TxtResolver.ParseServers(Targets.Text(input));
        var answer = DnsMessage.Read(DnsQuestion, input, out _);
        Require(answer is null || (input[0] == 0 && input[1] == 7 && answer.Value.Records.Sum(r => r.Length) <= input.Length), "an answer to another question, or more than there was");
        return answer ?? (object)false;
    }

    private static FuzzTarget Answer<T>(string name, Func<TroveClient, Task<T>> call, string seed, Func<object, bool> bug, HttpStatusCode status = HttpStatusCode.OK) =>
        new(name, ["TroveClient.ReadAsync", "TroveClient.ReadProblemAsync"], Text(seed), input =>
        {
            using var client = new TroveClient(new Uri("http://127.0.0.1:1"), longRunning: false, new Node(input, status));
            return Targets.Wait(call(client));
        }, bug, typeof(TroveApiException)) { Json = true, Cost = 4, Memory = 4 << 20 };

    private static async Task<TroveApiException?> ProblemAsync(TroveClient client)
    {
        try
        {
            await client.CompleteAsync(Request, default);
            return null;
        }
        catch (TroveApiException e)
        {
            return e;
        }
    }

    private static object ReadEvidence(byte[] input)
    {
        using var evidence = EvidenceFile.Read(input);
        Require(input.AsSpan().EndsWith(evidence.Export.Span), "another export");
        Require(Encoding.UTF8.GetByteCount(evidence.Me) <= 3 * 1024, "a name without bound");
        Require(evidence.Mails.Count <= EvidenceFile.MaxMails && evidence.Mails.All(m => m.Length <= EvidenceFile.MaxMail), "mails without bound");
        Require(evidence.Pages.Posts.Count <= EvidenceFile.MaxPosts && evidence.Pages.Posts.All(p => p.Length <= EvidenceFile.MaxAddress), "posts without bound");
        int openings = (input.Length - evidence.Export.Length - evidence.Mails.Sum(m => m.Length) - evidence.Pages.Posts.Sum(Encoding.UTF8.GetByteCount)) / 64;
        return (openings, evidence.Me.Length, evidence.Mails.Count);
    }

    // Nothing that a fuzzer signs passes, whatever the key; and who could be told beforehand why not is told the same.
    private static object MailProblem(byte[] input)
    {
        var time = new DateTimeOffset(2026, 5, 4, 12, 0, 0, TimeSpan.Zero);
        var problem = MailEvidence.Problem("reddit", "maya", input, time);
        var check = Targets.Wait(MailEvidence.CheckAsync("reddit", "maya", [input], time, (_, _) => Task.FromResult(new TxtAnswer(["v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="], Failed: false)), default));
        Require(check.Outcome != CheckOutcome.Passed && check.Detail.Length <= 200, "a forged mail passed, or its result is too long");
        Require(problem is null || check.Outcome == CheckOutcome.Failed || check.Detail.EndsWith(problem, StringComparison.Ordinal), "the member and the verifiers find different reasons");
        return problem ?? "none";
    }

    // Nobody is shown to be whom no answer names, and a name that can be asked for comes out of an answer.
    private static object ReadReddit(byte[] input)
    {
        var profile = RedditPages.ReadProfile(input);
        var things = RedditPages.ReadThings(input);
        Require(profile is null || things is null, "an account and a listing at once");
        Require((things?.Values.Sum(t => t.Text.Length) ?? 0) + (profile?.Text.Length ?? 0) <= input.Length + 1, "more text than there was");
        return (profile is { Author: "maya" } page && AccountCode.IsIn(WalletCode, page.Text) ? "passed" : "absent", things?.Count ?? 0);
    }

    // What is sent on as a header is a header's token, and ends.
    private static object? ReadToken(byte[] input)
    {
        var token = RedditPages.ReadToken(input);
        Require(token is null || (token.Value.All(c => c is > ' ' and <= '~' and not (',' or ';' or '"' or '\\')) && new AuthenticationHeaderValue("bearer", token.Value).ToString() == "bearer " + token.Value), "a token that is none");
        Require(token is null || token.Life >= TimeSpan.Zero && token.Life <= TimeSpan.FromDays(7), "a token that does not end");
        return token is null ? null : ((double)token.Value.Length, token.Life.TotalSeconds);
    }

    // Whatever an address says, what is asked for is one thing of the platform's own.
    private static object? ReadAddress(byte[] input)
    {
        var name = RedditPages.ParsePost(Targets.Text(input));
        Require(name is null || RedditPages.Things([name]) is { Host: RedditPages.Host, AbsolutePath: "/api/info.json", Fragment: "" } page && page.Query == $"?raw_json=1&id={name}" && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_'), "another page");
        return name;
    }

    private static object? ReadRelease(byte[] input)
    {
        using var release = ReleaseFile.Parse(input, new ReleaseHeader(Request, 1, 1, 1), 1);
        Require(release is null || (release.Evaluation.Index == 1 && release.Evaluation.Count == 1 && (release.Partials is not null || release.Proof is null)), "an evaluation of another guardian, or a proof of nothing");
        return release is null ? null : (release.Count, release.Proof is not null);
    }

    private static NpgsqlConnectionStringBuilder Url(byte[] input)
    {
        var text = Targets.Text(input);
        var read = new NpgsqlConnectionStringBuilder(DatabaseUrl.Parse(text));
        Require(!read.Host!.Contains(','), "more hosts than one");
        Require(read.SslMode is SslMode.VerifyFull || read.Host.StartsWith('/') || read.Host is "localhost" || IPAddress.TryParse(read.Host.Trim('[', ']'), out var ip) && IPAddress.IsLoopback(ip) || text.Contains("sslmode=", StringComparison.Ordinal), "a password would travel in the clear");
        return read;
    }

    private static byte[] Evidence(string me, int openings, int mails)
    {
        using var file = new MemoryStream();
        using var secret = new SecretBytes(new byte[32]);
        EvidenceFile.WriteHead(file, me, [.. Enumerable.Repeat<ReadOnlyMemory<byte>>("To: a\n\n"u8.ToArray(), mails)], new PublicPages(mails > 0, false, [.. Enumerable.Repeat("https://www.reddit.com/r/a/comments/1/b/", mails)]), [.. Enumerable.Range(0, openings).Select(i => (Keccak256.Hash([(byte)i]), secret))]);
        file.Write("PK"u8);
        return file.ToArray();
    }

    // The plaintext of a release, with an evaluation of zeroes, which is what a guardian's words become once they are opened (specs/uses.md).
    private static byte[] Release(int parts, bool proof) =>
    [
        .. new ReleaseHeader(Request, 1, 1, 1).Encode(), (byte)(proof ? 1 : 0), .. new byte[proof ? ThresholdKey.ProofSize : 0], 1, .. new byte[96], .. parts == 0 ? [] : (byte[])[1, .. new byte[32 * parts]],
    ];

    private static byte[] Frame(byte[] bytes)
    {
        using var stream = new MemoryStream();
        Frames.Write(stream, Frames.Start, bytes);
        return stream.ToArray();
    }

    private static string Zeros(int bytes) => "0x" + new string('0', 2 * bytes);

    private sealed class Node(byte[] answer, HttpStatusCode status) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(new HttpResponseMessage(status) { Content = new ByteArrayContent(answer) { Headers = { { "Content-Type", "application/json" } } } });
    }
}
