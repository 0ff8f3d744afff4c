using System.Text.Json.Nodes;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Runners;
using Trove.Tests.Crypto;

namespace Trove.Tests.Node;

/// <summary>The seed of a use and the result sealed with it, against a second implementation.</summary>
public class UseSeedTests
{
    private static readonly JsonNode Known = Checkout.Vectors("use-seed.json");

    [Fact]
    public async Task Seeds_and_sealed_results_are_those_of_the_vectors()
    {
        var asset = new Address(Hex.Decode((string)Known["asset"]!));
        var key = OprfKey.Create((int)Known["threshold"]!, [.. Texts(Known["commitments"]!).Select(Hash32.Parse)]);
        var shares = Texts(Known["shares"]!).Select((s, i) => OprfShare.FromScalar(i + 1, key.Threshold, Hex.Decode(s))).ToList();
        using var buyer = X25519Identity.FromBytes(Hex.Decode((string)Known["buyer"]!));
        var files = new List<string>();
        foreach (var v in Known["uses"]!.AsArray())
        {
            var (request, use) = (Hash32.Parse((string)v!["request"]!), (uint)v["use"]!);
            using var input = UseSeed.Input(asset, request, use);
            Assert.Equal((string)v["element"]!, Convert.ToHexStringLower(input.Blinded.Span));
            var evaluations = shares.Select(s => s.Evaluate(input.Blinded)).ToList();
            Assert.Equal(Texts(v["evaluations"]!), evaluations.Select(e => Convert.ToHexStringLower(e.Elements)));
            using var output = input.Finish(key, [evaluations[2], evaluations[0]]);
            Assert.Equal((string)v["output"]!, Convert.ToHexStringLower(output[0]));
            using var seed = new UseSeed(output[0], Texts(v["secrets"]!).SelectMany(Hex.Decode).ToArray());
            using var expected = new Trove.Core.Queries.QuerySeed(Hex.Decode((string)v["noise"]!), Hex.Decode((string)v["cells"]!));
            using var query = seed.ForQuery();
            Assert.Equal(expected.Rank(1, [2]), query.Rank(1, [2]));
            Assert.Equal(expected.Noise(1, [2]).Below(UInt128.MaxValue), query.Noise(1, [2]).Below(UInt128.MaxValue));
            var result = Hex.Decode((string)v["result"]!);
            var file = seed.Seal(result, request, use, buyer.Recipient);
            Assert.Equal((string)v["sealed"]!, Convert.ToHexStringLower(file));
            using var plain = new MemoryStream();
            await AgeFile.DecryptAsync(new MemoryStream(file), plain, [buyer]);
            Assert.Equal(result, plain.ToArray());
            files.Add(Convert.ToHexString(file));
        }
        Assert.Equal(files.Count, files.Distinct().Count());
        shares.ForEach(s => s.Dispose());
    }

    // One key for two results would give away how they differ.
    [Fact]
    public async Task Two_results_of_one_use_and_two_uses_of_one_result_share_no_key()
    {
        using var seed = new UseSeed(new byte[64], []);
        using var buyer = X25519Identity.Generate();
        byte[] one = new byte[200_000], two = [.. one[..^1], 1];
        var files = new[] { seed.Seal(one, default, 1, buyer.Recipient), seed.Seal(two, default, 1, buyer.Recipient), seed.Seal(one, default, 2, buyer.Recipient), seed.Seal(one, Keccak256.Hash([1]), 1, buyer.Recipient) };
        Assert.Equal(files[0], seed.Seal(one, default, 1, buyer.Recipient));
        foreach (var place in new Range[] { 30..80, 80..120, ^300..^200, ^100_050..^100_000 }) // ephemeral share, file key, both chunks
            Assert.Equal(files.Length, files.Select(f => Convert.ToHexString(f[place])).Distinct().Count());
        foreach (var (file, plain) in files.Zip(new[] { one, two, one, one }))
        {
            using var opened = new MemoryStream();
            await AgeFile.DecryptAsync(new MemoryStream(file), opened, [buyer]);
            Assert.Equal(plain, opened.ToArray());
        }
    }

    private static IEnumerable<string> Texts(JsonNode list) => list.AsArray().Select(t => (string)t!);
}
