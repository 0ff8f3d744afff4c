using System.Net;
using System.Security.Cryptography;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Protocol;
using Trove.SystemTests.Api;
using Trove.SystemTests.Story;

namespace Trove.SystemTests.Operations;

/// <summary>Real processes asked to stop in the middle of their work.</summary>
public sealed class StopTests
{
    [Fact]
    public async Task A_node_asked_to_stop_ends_what_it_has_and_needs_no_recovery()
    {
        var data = TestFolder.Create();
        List<KeyFile> verifiers = [KeyFile.Create(), KeyFile.Create()];
        using var founder = SigningKey.Generate();
        try
        {
            Hash32 id;
            var (node, client) = await Served.NodeAsync(data);
            await using (node)
            using (client)
            {
                var info = await client.InfoAsync(default);
                var asset = await ApiFixture.CreateAssetAsync(client, info, founder, verifiers, "STOP");
                using var member = await Member.PrepareAsync(asset, Member.Reddit("stopper", "The last ferry waits for whoever is on the jetty already"));
                var announced = await Evaluators.AnnounceAsync(client, info, asset, member.Announce(info, asset));
                id = announced.Contribution;
                await member.SealAsync(announced);
                await client.SetManifestAsync(id, member.Manifest(info, asset, announced), default);
                foreach (var blob in member.Ciphertexts)
                    await client.PutPieceAsync(id, new Hash32(SHA256.HashData(blob)), 0, blob, announced.UploadToken, default);

                // The evidence is on its way.
                using var http = new HttpClient { BaseAddress = client.Node };
                var slow = new SlowContent(member.Evidence);
                using var request = new HttpRequestMessage(HttpMethod.Put, $"/api/v1/contributions/{id}/blobs/{Convert.ToHexStringLower(SHA256.HashData(member.Evidence))}?offset=0")
                {
                    Content = slow, Headers = { Authorization = new("Bearer", announced.UploadToken) },
                };
                var upload = http.SendAsync(request);
                await slow.Begun;
                Assert.Equal("ready", (string)(await Served.HealthAsync(client.Node)).Report["status"]!);

                // As Ctrl-C does: to the whole group, in which its database must not be.
                foreach (int process in Processes.Tree(node.Id).Where(p => GroupOf(p) == GroupOf(node.Id)))
                    TroveCli.Signal(process, "INT");
                var report = await Served.HealthAsync(client.Node, "ready", "stopping");
                Assert.Equal(HttpStatusCode.ServiceUnavailable, (await Served.HealthAsync(client.Node)).Code);
                Assert.False((bool)report.Part("node")["ok"]!);
                using (var other = new HttpClient { BaseAddress = client.Node })
                using (var refused = await other.GetAsync("/api/v1/"))
                    Assert.Equal((HttpStatusCode.ServiceUnavailable, true), (refused.StatusCode, (await refused.Content.ReadAsStringAsync()).Contains("urn:trove:problem:stopping", StringComparison.Ordinal)));
                slow.Finish();
                using (var done = await upload)
                    Assert.Equal(HttpStatusCode.OK, done.StatusCode);
                Assert.Equal(0, (await node.EndAsync()).Code);
                Assert.DoesNotContain("were broken off", node.Error, StringComparison.Ordinal);
            }
            Assert.Empty(Processes.Naming(data));
            Assert.Equal("shut down", await Served.ClusterStateAsync(data));

            (node, client) = await Served.NodeAsync(data, "--log-level", "warning");
            await using (node)
            using (client)
            {
                await client.CompleteAsync(id, default); // all of it had arrived
                Assert.DoesNotContain("unfinished block", node.Error, StringComparison.Ordinal);

                await HeldVerifierGivesItsWorkBackAsync(client, data, verifiers, id);

                // One that hangs on: the second signal ends it at once, and nothing of it is left.
                using var http = new HttpClient { BaseAddress = client.Node };
                var never = new SlowContent(new byte[1000]);
                using var request = new HttpRequestMessage(HttpMethod.Post, "/rpc") { Content = never };
                var hanging = http.SendAsync(request);
                await never.Begun;
                for (int i = 0; i < 5; i++)
                    await Served.HealthAsync(client.Node); // by then the node has begun with it: else nothing would be under way, and one signal enough
                node.Signal("TERM");
                await Served.HealthAsync(client.Node, "ready", "stopping");
                Assert.False(node.HasExited);
                node.Signal("TERM");
                Assert.Equal(143, (await node.EndAsync()).Code);
                never.Finish();
                await Assert.ThrowsAsync<HttpRequestException>(() => hanging);
            }
            while (Processes.Naming(data).Count > 0) // the kernel kills what it had started
                await Task.Delay(20);
        }
        finally
        {
            verifiers.ForEach(v => v.Dispose());
            Directory.Delete(data, recursive: true);
        }
    }

    private static async Task HeldVerifierGivesItsWorkBackAsync(TroveClient client, string data, IReadOnlyList<KeyFile> verifiers, Hash32 id)
    {
        var pass = Path.Combine(data, "pass.txt");
        await File.WriteAllTextAsync(pass, "a passphrase of this test\n");
        using (var secret = PassphraseSource.FromFile(pass))
            verifiers[0].Save(Path.Combine(data, "verifier.key"), secret, workFactor: 10);
        await using var between = await HoldingNode.StartAsync(client.Node, $"{id}/evidence");
        var info = await client.InfoAsync(default);
        await using var guardians = Evaluators.Start(client, info, verifiers);
        await using var verifier = TroveCli.Start(data, "verifier", "--key", Path.Combine(data, "verifier.key"), "--passphrase-file", pass,
            "--node", between.Address.ToString(), "--rpc", new Uri(client.Node, info.Rpc).ToString(), "--log-format", "json");
        Assert.True(between.Held == await Task.WhenAny(between.Held, verifier.EndAsync()), verifier.Error);
        verifier.Signal("TERM");
        Assert.Equal(0, (await verifier.EndAsync()).Code);
        Assert.Contains(between.Passed, p => p.Request.StartsWith("DELETE /api/v1/verifier/leases/", StringComparison.Ordinal) && p.Status == 204);
        Assert.Contains("\"EventId\":504", verifier.Error, StringComparison.Ordinal);
        // Not after a minute's lease: it can be claimed now.
        var work = await NextAsync(client, info, verifiers[0]);
        Assert.Equal(id, work!.Check!.Contribution);
    }

    private static Task<VerifierWork?> NextAsync(TroveClient client, NodeInfo info, KeyFile verifier)
    {
        var (nonce, deadline) = (Member.Fresh(), DateTimeOffset.UtcNow.AddMinutes(5).ToUnixTimeSeconds());
        var digest = Messages.VerifierRequest(Messages.Domain(info.ChainId, info.Factory), verifier.SigningKey.Address, "work", default, nonce, deadline);
        return client.NextWorkAsync(new VerifierRequest(verifier.SigningKey.Address, "work", default, nonce, deadline, Hex.Encode(verifier.SigningKey.Sign(digest))), default);
    }

    // Field 5 of /proc/PID/stat, after the name in brackets.
    private static string GroupOf(int process) => Processes.Read(process, "stat") is var stat && stat.LastIndexOf(')') is > 0 and var end ? stat[(end + 2)..].Split(' ')[2] : "";

    /// <summary>A body of which the first byte comes at once and the rest when a test says so.</summary>
    private sealed class SlowContent(byte[] body) : HttpContent
    {
        private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously), _rest = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Begun => _begun.Task;

        public void Finish() => _rest.TrySetResult();

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.WriteAsync(body.AsMemory(0, 1));
            await stream.FlushAsync();
            _begun.TrySetResult();
            await _rest.Task;
            await stream.WriteAsync(body.AsMemory(1));
        }

        protected override bool TryComputeLength(out long length)
        {
            length = body.Length;
            return true;
        }
    }
}
