using System.Globalization;
using System.IO.Pipes;
using System.Security.Cryptography;
using System.Text.Json;
using Trove.Core;
using Trove.Core.Queries;
using Trove.Crypto;
using Trove.Exports;
using Trove.Node.Guardians;
using Trove.Node.Protocol;
using Trove.Node.Runners;
using Trove.Tests.Crypto;
using Record = Trove.Exports.Record;

namespace Trove.Tests.Node;

/// <summary>An executor with real parts, releases and frames: whoever runs a use, and however often, gives out the same bytes.</summary>
public sealed class UseExecutorTests : IDisposable
{
    private const string Sql = "SELECT community, count(*) CLIP 3 AS count, avg(words) CLIP 20 AS mean FROM records GROUP BY community";
    private static readonly Address Asset = new([.. Enumerable.Repeat((byte)0xA5, 20)]);
    private static readonly Hash32 Request = Keccak256.Hash("request"u8);

    private readonly AssetKey _key = AssetKey.Deal(2, 3);
    private readonly SharedFunction _function = new(2, 3);
    private readonly X25519Identity _buyer = X25519Identity.Generate();
    private readonly List<byte[]> _files = [];
    private readonly List<JobPart> _parts = [];
    private readonly List<ProvenPoint> _points = [];

    [Theory]
    [InlineData(Sql)]
    [InlineData(CopyFile.Code)]
    public async Task Another_runner_and_other_guardians_in_another_order_give_the_same_bytes(string code)
    {
        await SealPartsAsync();
        var (first, firstPlain) = await ServeAsync(Job(code), 1, 2);
        foreach (int[] guardians in new int[][] { [2, 1], [3, 1], [3, 2, 1] })
        {
            var (again, _) = await ServeAsync(Job(code) with { KeyVersion = 7 }, guardians); // a restart has another version of the key
            Assert.Equal(Convert.ToHexString(first), Convert.ToHexString(again));
        }
        // Another use, request or asset is another draw; of a copy only the keys.
        foreach (var other in new[] { Job(code) with { Use = 2 }, Job(code) with { Request = Keccak256.Hash("other"u8) }, Job(code) with { Asset = default } })
        {
            var (file, plain) = await ServeAsync(other, 1, 2);
            Assert.NotEqual(Convert.ToHexString(first[^40..]), Convert.ToHexString(file[^40..]));
            Assert.Equal(code == CopyFile.Code, plain.SequenceEqual(firstPlain));
        }
    }

    [Fact]
    public async Task Noise_is_as_large_as_the_epsilon_of_the_job_says()
    {
        await SealPartsAsync();
        Assert.All(await CountsAsync(long.MaxValue, 2), count => Assert.Equal(120, count));
        // Scale 3·3/2: all 14 are right with a chance of 2^-44, one is 300 off with 2^-90.
        var counts = await CountsAsync(2_000_000, 14);
        Assert.Contains(counts, count => count != 120);
        Assert.All(counts, count => Assert.InRange(count, 120 - 300, 120 + 300));

        async Task<List<long>> CountsAsync(long epsilon, uint uses)
        {
            var counts = new List<long>();
            for (uint use = 1; use <= uses; use++)
            {
                var (_, plain) = await ServeAsync(Job(Sql) with { Use = use, Epsilon = epsilon }, 1, 2);
                counts.AddRange(QueryResult.TryRead(plain)!.Rows.Select(r => r[1].Number));
            }
            Assert.Equal((int)uses, counts.Count);
            return counts;
        }
    }

    public void Dispose()
    {
        _buyer.Dispose();
        _function.Dispose();
        _key.Dispose();
    }

    private ExecutorJob Job(string code) => new(Asset, Request, 1, 1, 1, code, 5, 2_000_000, _buyer.Recipient.ToString(), _key.Public.Recipient.ToString(), 2,
        _key.Public.Commitments, _function.Key.Commitments, _parts);

    // 60 members who wrote two comments each.
    private async Task SealPartsAsync()
    {
        for (int member = 0; member < 60; member++)
        {
            using var plain = new MemoryStream();
            using (var writer = new PartWriter(_ => plain))
            {
                for (int i = 0; i < 2; i++)
                    writer.Add(new Record
                    {
                        Platform = "reddit", Kind = RecordKind.Comment, Own = true, Id = $"{member}-{i}", Time = 1_600_000_000_000, Text = string.Create(CultureInfo.InvariantCulture, $"words of member {member}"),
                        Meta = Metadata.Empty.SetItem("subreddit", "garden"),
                    });
                writer.Complete();
            }
            using var file = new MemoryStream();
            using var part = await SealedPart.CreateAsync(new MemoryStream(plain.ToArray()), file, _key.Public.Recipient);
            byte[] context = BitConverter.GetBytes(member), proof = ProofOfKnowledge.Create(part.EphemeralSecret, context);
            _files.Add(file.ToArray());
            _points.Add(ProvenPoint.Check(proof, part.EphemeralShare, context));
            _parts.Add(new JobPart(member, "comment", 2020, part.EphemeralShare, part.HeaderHash, new Hash32(SHA256.HashData(_files[member])), _files[member].Length, proof, context));
        }
    }

    // The broker's side.
    private async Task<(byte[] File, byte[] Plain)> ServeAsync(ExecutorJob job, params int[] guardians)
    {
        using AnonymousPipeServerStream toExecutor = new(PipeDirection.Out), fromExecutor = new(PipeDirection.In);
        using AnonymousPipeClientStream input = new(PipeDirection.In, toExecutor.ClientSafePipeHandle), output = new(PipeDirection.Out, fromExecutor.ClientSafePipeHandle);
        var executor = Task.Run(() => UseExecutor.Serve(input, output));
        var oneTimeKey = new X25519Recipient(new Hash32(Frames.Read(fromExecutor, 32).Bytes));
        Frames.Write(toExecutor, Frames.Start, JsonSerializer.SerializeToUtf8Bytes(job, TroveJson.Options));
        var answers = new List<JobAnswer>();
        using var seed = UseSeed.Input(job.Asset, job.Request, job.Use);
        foreach (int g in guardians)
        {
            using var partials = _key.Shares[g - 1].Decrypt(_points);
            answers.Add(new JobAnswer(g, await ReleaseFile.SealAsync(new ReleaseHeader(job.Request, job.Use, job.KeyVersion, job.CommitteeEpoch), _function.Shares[g - 1].Evaluate(seed.Blinded), partials, null, oneTimeKey, default)));
        }
        Frames.Write(toExecutor, Frames.Answers, JsonSerializer.SerializeToUtf8Bytes(answers, TroveJson.Options));
        while (true)
        {
            var (tag, bytes) = Frames.Read(fromExecutor, 64 << 20);
            switch (tag)
            {
                case Frames.Liars:
                    Assert.Empty(bytes);
                    break;
                case Frames.Part:
                    Frames.Write(toExecutor, Frames.Part, _files[BitConverter.ToInt32(bytes)]);
                    break;
                case Frames.Result:
                    Assert.Equal(0, await executor);
                    Assert.Equal(job.InputsHash(), new Hash32(bytes.AsSpan(0, 32)));
                    using (var plain = new MemoryStream())
                    {
                        await AgeFile.DecryptAsync(new MemoryStream(bytes[32..]), plain, [_buyer]);
                        return (bytes[32..], plain.ToArray());
                    }
                default:
                    Assert.Fail($"the executor said {(char)tag}: {System.Text.Encoding.ASCII.GetString(bytes)}");
                    break;
            }
        }
    }
}
