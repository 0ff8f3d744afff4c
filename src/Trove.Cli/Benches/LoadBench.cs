using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Trove.Bench;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Protocol;

namespace Trove.Cli.Benches;

/// <summary>Many members at once on one node: ten thousand uploads that stay open, five hundred contributions at the same time, eight verifiers, and readers all the while.</summary>
internal static class LoadBench
{
    private const int Verifiers = 8;
    private const double MemoryGoal = 500; // MiB
    private const double ReadGoal = 50;    // ms, the slowest of a hundred
    private const int Readers = 4;
    private const int OpenPerMember = 50;
    private const int FirstPiece = 1024;
    private const int AtOnce = 32;         // pieces that one address has under way; others are asked to come again

    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(1); // a page that waits asks no more often

    public static async IAsyncEnumerable<BenchLine> RunAsync(int members, int uploads, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        await using var house = await BenchHouse.StartAsync(Verifiers, ct);
        var asset = await house.CreateAssetAsync("LOAD", 2, ct);
        await house.VerifiedAsync((await house.ContributeAsync(asset, house.WriteExport(20_000), _ => { }, ct)).Contribution, Poll, ct);
        var (idle, _) = house.Memory();

        var watch = Stopwatch.StartNew();
        await Parallel.ForEachAsync(Enumerable.Range(0, (uploads + OpenPerMember - 1) / OpenPerMember), new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = ct }, async (m, cancel) =>
        {
            using var key = SigningKey.Generate();
            for (int i = 0; i < Math.Min(OpenPerMember, uploads - m * OpenPerMember); i++)
                await OpenUploadAsync(house, asset, key, cancel);
        });
        yield return Plain($"{uploads:N0} uploads opened, a first piece each", uploads / watch.Elapsed.TotalSeconds, "/s");
        var (open, highest) = house.Memory();
        yield return Limit($"node's memory with {uploads:N0} uploads open", open, "MiB", MemoryGoal);
        yield return Limit("at its highest on the way", highest, "MiB", MemoryGoal);
        yield return Plain("for each open upload", (open - idle) * 1024 / uploads, "KiB");

        var files = Enumerable.Range(0, members).Select(_ => house.WriteExport(20_000)).ToList();
        var latencies = new ConcurrentBag<double>();
        int refused = 0;
        var before = await house.UsageAsync(ct);
        watch.Restart();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var reading = Enumerable.Range(0, Readers).Select(i => Task.Factory.StartNew(() => Read(house, asset, latencies, i, over.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToList();
        await Task.WhenAll(files.Select(async file =>
        {
            while (true)
            {
                try
                {
                    await house.VerifiedAsync((await house.ContributeAsync(asset, file, _ => { }, ct)).Contribution, Poll, ct);
                    return;
                }
                catch (TroveApiException e) when (e.Status is 429 or 503)
                {
                    Interlocked.Increment(ref refused);
                    await Task.Delay(2000, ct); // what Retry-After says
                }
            }
        }));
        double seconds = watch.Elapsed.TotalSeconds;
        await over.CancelAsync();
        await Task.WhenAll(reading);
        var used = (await house.UsageAsync(ct)).Since(before);
        string all = string.Create(CultureInfo.InvariantCulture, $"{members:N0} members at once, {Verifiers} verifiers");
        yield return Plain($"{all}: contributed and attested", members / seconds, "/s");
        yield return Plain($"{all}: CPU of the node for each", used.Node / members, "ms");
        yield return Plain($"{all}: told to come again", refused, "x");
        yield return Limit($"{all}: node's memory at its highest", house.Memory().Highest, "MiB", MemoryGoal);
        var sorted = latencies.Order().ToArray();
        yield return Plain($"reads meanwhile, of {sorted.Length:N0} the middle one", sorted[sorted.Length / 2], "ms");
        yield return Limit("the slowest of a hundred", sorted[(int)(sorted.Length * 0.99)], "ms", ReadGoal);
    }

    // Announces one part and sends its beginning only.
    private static async Task OpenUploadAsync(BenchHouse house, AssetInfo asset, SigningKey key, CancellationToken ct)
    {
        using var ciphertext = new MemoryStream();
        using var part = await SealedPart.CreateAsync(new MemoryStream(RandomNumberGenerator.GetBytes(2 * FirstPiece)), ciphertext, X25519Recipient.Parse(asset.Recipient), cancel: ct);
        var salt = Shared.Nonce();
        var id = ContributionId.Of(house.Info.ChainId, asset.Ledger, key.Address, salt);
        var announced = new AnnouncedPart("comment", 2023, part.EphemeralShare, part.HeaderHash, part.CiphertextHash, part.CiphertextSize, Hex.Encode(ProofOfKnowledge.Create(part.EphemeralSecret,
            PartDescriptor.ProofContext(house.Info.ChainId, asset.Ledger, asset.Asset, id, key.Address, part.HeaderHash))));
        var (nonce, deadline) = (Shared.Nonce(), Shared.Deadline());
        var digest = Messages.Announce(Messages.Domain(house.Info.ChainId, asset.Ledger), asset.Asset, id, key.Address, PartDescriptor.Tree(id, [announced.Descriptor()]).Root, announced.Size, nonce, deadline);
        var answer = await house.Client.AnnounceAsync(asset.Asset, new AnnounceRequest(key.Address, salt, [announced], nonce, deadline, Hex.Encode(key.Sign(digest))), ct);
        await house.Client.PutPieceAsync(id, part.CiphertextHash, 0, ciphertext.GetBuffer().AsMemory(0, FirstPiece), answer.UploadToken, ct);
    }

    // What a page asks: the asset, an owner's balance and contributions. On a thread of its own that waits for nothing else: the
    // members of this bench share a process with it, and their work is none of the node's.
    private static void Read(BenchHouse house, AssetInfo asset, ConcurrentBag<double> latencies, int reader, CancellationToken ct)
    {
        using var http = new HttpClient { BaseAddress = house.Client.Node };
        string[] pages = [$"api/v1/assets/{asset.Asset}", $"api/v1/assets/{asset.Asset}/balances/{house.Founder.Address}", $"api/v1/assets/{asset.Asset}/contributions?owner={house.Founder.Address}"];
        var buffer = new byte[1 << 16];
        for (int i = reader; !ct.IsCancellationRequested; i++)
        {
            long start = Stopwatch.GetTimestamp();
            using var asked = new HttpRequestMessage(HttpMethod.Get, pages[i % pages.Length]);
            using (var answer = http.Send(asked, HttpCompletionOption.ResponseHeadersRead, CancellationToken.None))
            {
                answer.EnsureSuccessStatusCode();
                using var content = answer.Content.ReadAsStream(CancellationToken.None);
                while (content.Read(buffer) > 0)
                {
                    // to its end
                }
            }
            latencies.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            ct.WaitHandle.WaitOne(20);
        }
    }

    private static BenchLine Plain(string what, double ours, string unit) => new("load", what, Math.Round(ours, 2), unit, null, "none: no other system does this", null, null, null);

    private static BenchLine Limit(string what, double ours, string unit, double limit) => new("load", what, Math.Round(ours, 2), unit, limit, "the goal", limit / ours, 1, ours <= limit);
}
