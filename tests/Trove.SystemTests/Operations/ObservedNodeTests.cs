using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Operations;
using Trove.SystemTests.Api;
using Trove.SystemTests.Story;
using Trove.Tests.Crypto;
using Trove.Tests.Node;

namespace Trove.SystemTests.Operations;

/// <summary>A whole contribution on a real node, seen through what its operator sees: logs at their finest, metrics, traces, health.</summary>
public sealed partial class ObservedNodeTests
{
    [Fact]
    public async Task A_contribution_is_logged_measured_and_traced_without_a_secret()
    {
        string data = TestFolder.Create(), canary = "cNRy" + RandomNumberGenerator.GetString("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 20);
        List<KeyFile> verifiers = [KeyFile.Create(), KeyFile.Create()];
        byte[] memberSecret = RandomNumberGenerator.GetBytes(32), founderSecret = RandomNumberGenerator.GetBytes(32);
        using var founder = SigningKey.FromBytes(founderSecret);
        await using var collector = await OtlpReceiver.StartAsync();
        using var platform = new MailSigner();
        int failures = 4; // whoever asks: for one of the two verifiers both tries of a look-up
        await using var dns = new DnsServer { Answer = (q, _) => [Interlocked.Decrement(ref failures) >= 0 ? DnsServer.Reply(q, 2) : DnsServer.Reply(q, 0, DnsServer.Txt([.. platform.Record.Chunk(255).Select(c => new string(c))]))] };
        try
        {
            string token, logs;
            var working = new List<TroveCli>();
            await using (var node = TroveCli.Start(data, new Dictionary<string, string>
            {
                ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Address.ToString(), ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
                ["OTEL_METRIC_EXPORT_INTERVAL"] = "1000", ["OTEL_BSP_SCHEDULE_DELAY"] = "500", ["OTEL_SERVICE_NAME"] = "the-node-of-this-test",
            }, "node", "--data", data, "--log-level", "trace", "--log-format", "json"))
            {
                using var client = await Served.ClientAsync(node, data);
                var info = await client.InfoAsync(default);
                var asset = await ApiFixture.CreateAssetAsync(client, info, founder, verifiers, "SEEN");
                using var member = await Member.PrepareAsync(asset, Member.Reddit("seen_by_nobody", $"Only {canary} knows how many steps lead down to the water"), SigningKey.FromBytes(memberSecret));
                var announced = await Evaluators.AnnounceAsync(client, info, asset, member.Announce(info, asset));
                token = announced.UploadToken;
                await member.SealAsync(announced);
                await client.SetManifestAsync(announced.Contribution, member.Manifest(info, asset, announced), default);
                await member.UploadAsync(client, announced);
                await client.CompleteAsync(announced.Contribution, default);
                await using var guardians = Evaluators.Start(client, info, verifiers);
                var announcing = await ContributeWithMailAsync(data, client.Node, platform, canary);
                foreach (var (verifier, i) in verifiers.Select((v, i) => (v, i)))
                    working.Add(StartVerifier(data, verifier, i, client.Node, dns));
                await UntilAsync(async () => (await client.ContributionAsync(announced.Contribution, default)).State == "attested", () => string.Join('\n', working.Select(w => w.Error)));

                await UntilAsync(async () => (await client.ContributionAsync(announcing, default)).State == "attested", () => string.Join('\n', working.Select(w => w.Error)));
                var told = (await TroveCli.JsonAsync(data, "contributions", "--node", client.Node.ToString())).AsArray().Single(c => (string)c!["contribution"]! == announcing.ToString())!;
                var check = told["evidence"]!.AsArray().Single(c => (string)c!["name"]! == "dkim")!;
                Assert.Equal(("passed", "reddit.com signed a mail to the account, at most 400 days before"), ((string)check["outcome"]!, (string)check["detail"]!));
                Assert.True(dns.Asked > 4, "the resolver was given up after it failed");

                var (code, ready) = await Served.HealthAsync(client.Node);
                Assert.Equal((HttpStatusCode.OK, "ready"), (code, (string)ready["status"]!));
                foreach (var part in new[] { "database", "queue", "chain", "reader", "clock", "blobs", "chain reader", "epochs", "requests", "housekeeper", "vault sweeper", "telemetry" })
                    Assert.True((bool)ready.Part(part)["ok"]!, part);

                string[] metrics = ["http.server.request.duration", "trove.uploads.open", "trove.uploads.bytes", "trove.relay.calls", "trove.relay.gas", "trove.chain.head",
                    "trove.contributions", "attested", "trove.verifications", "create-asset", "mined", "the-node-of-this-test"];
                await UntilAsync(() => Task.FromResult(metrics.All(collector.Texts("/v1/metrics").Contains)), () => $"missing: {string.Join(", ", metrics.Except(collector.Texts("/v1/metrics")))}");
                await UntilAsync(() => Task.FromResult(collector.Texts("/v1/traces").Contains("relay create-asset")), () => "no span of the relayed call");
                foreach (var verifier in working)
                {
                    verifier.Signal("TERM");
                    Assert.Equal(0, (await verifier.EndAsync()).Code);
                }
                node.Signal("TERM");
                Assert.Equal(0, (await node.EndAsync()).Code);
                logs = string.Join('\n', working.Select(v => v.Error).Prepend(node.Error));
            }
            foreach (var verifier in working)
                await verifier.DisposeAsync();

            // Labels are words of the program: no address, no id.
            Assert.DoesNotContain(collector.Texts("/v1/metrics"), t => Identifier().IsMatch(t));

            var lines = logs.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(l => JsonNode.Parse(l)!).ToList();
            Assert.All(lines, l => Assert.NotNull(l["Category"]));
            Assert.Equal(4, lines.Count(l => (int)l["EventId"]! == LogEvents.Attested.Id));
            Assert.DoesNotContain(lines, l => (int)l["EventId"]! == LogEvents.DnsSilent.Id); // they waited for it
            var relayed = lines.First(l => (int)l["EventId"]! == LogEvents.Relayed.Id);
            Assert.Equal("create-asset", (string)relayed["State"]!["Purpose"]!);
            Assert.Contains(relayed["Scopes"]!.AsArray(), s => ((string?)s!["TraceId"])?.Length == 32);
            Assert.Contains(lines, l => ((string)l["Category"]!).StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal) && (string)l["LogLevel"]! == "Debug"); // it was really listening

            var scan = new PlaintextScan(canary);
            foreach (var text in collector.Texts("/v1/metrics").Concat(collector.Texts("/v1/traces")).Append(logs))
            {
                Assert.Null(scan.Find(Encoding.UTF8.GetBytes(text)));
                Assert.DoesNotContain(token, text, StringComparison.Ordinal);
                foreach (var secret in (byte[][])[memberSecret, founderSecret, File.ReadAllBytes(Path.Combine(data, "relayer.secret"))])
                {
                    Assert.DoesNotContain(Convert.ToHexString(secret), text, StringComparison.OrdinalIgnoreCase);
                    Assert.DoesNotContain(Convert.ToBase64String(secret), text, StringComparison.Ordinal);
                }
                Assert.DoesNotContain("AGE-SECRET-KEY", text, StringComparison.OrdinalIgnoreCase);
                Assert.DoesNotContain(Passphrase, text, StringComparison.Ordinal);
            }
        }
        finally
        {
            verifiers.ForEach(v => v.Dispose());
            Directory.Delete(data, recursive: true);
        }
    }

    private const string Passphrase = "a passphrase that only this test has";

    private static TroveCli StartVerifier(string data, KeyFile verifier, int index, Uri node, DnsServer dns)
    {
        var (key, pass) = Save(data, verifier, $"verifier-{index}");
        return TroveCli.Start(data, "verifier", "--key", key, "--passphrase-file", pass, "--node", node.ToString(), "--resolver", dns.Address.ToString(), "--log-level", "trace", "--log-format", "json");
    }

    private static (string Key, string Pass) Save(string data, KeyFile keys, string name)
    {
        var (key, pass) = (Path.Combine(data, name + ".key"), Path.Combine(data, name + ".txt"));
        File.WriteAllText(pass, Passphrase + "\n");
        using (var secret = PassphraseSource.FromFile(pass))
            keys.Save(key, secret, workFactor: 10);
        return (key, pass);
    }

    // As a member does it, with the mail that announced the export; one by somebody else is not taken.
    private static async Task<Hash32> ContributeWithMailAsync(string data, Uri node, MailSigner platform, string canary)
    {
        using var keys = KeyFile.Create();
        var (key, pass) = Save(data, keys, "member");
        string export = Path.Combine(data, "announced.zip"), mail = Path.Combine(data, "ready.eml");
        await File.WriteAllBytesAsync(export, Member.Reddit("announced_in_time", "Nine of the lamps on the breakwater were lit before the ferry came"));
        string[] arguments = ["contribute", export, "--mail", mail, "--node", node.ToString(), "--key", key, "--passphrase-file", pass, "--json"];
        foreach (var domain in new[] { "example.org", "reddit.com" })
        {
            string body = MailSigner.To("announced_in_time");
            await File.WriteAllBytesAsync(mail, MailSigner.Mail(platform.Sign(MailSigner.Header(DateTimeOffset.UtcNow.AddDays(-3), to: $"{canary}@example.org"), domain, body: body), body));
            var (code, output, told) = await TroveCli.RunAsync(data, arguments);
            if (domain == "example.org")
            {
                Assert.Equal(1, code);
                Assert.Contains("ready.eml proves nothing about this reddit export: it is not signed by reddit.com or redditmail.com", told, StringComparison.Ordinal);
                continue;
            }
            Assert.True(code == 0, told);
            Assert.Contains("these mails whole, with your address and all that they say: ready.eml", told, StringComparison.Ordinal);
            File.Delete(mail);
            return Hash32.Parse((string)JsonNode.Parse(output)!["contribution"]!);
        }
        throw new InvalidOperationException("no mail was taken");
    }

    private static async Task UntilAsync(Func<Task<bool>> done, Func<string> why)
    {
        for (int i = 0; !await done(); i++)
        {
            Assert.True(i < 1200, why());
            await Task.Delay(100);
        }
    }

    [GeneratedRegex("0x[0-9a-fA-F]{8}|[0-9a-f]{64}")]
    private static partial Regex Identifier();
}
