using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Trove.Crypto;

namespace Trove.Tests.Crypto;

/// <summary>
/// age's public test kit (c2sp.org/CCTV/age), from the npm package cctv-age: every vector that is not about
/// post-quantum recipients, with the failure class and the partial payload it names.
/// </summary>
public partial class AgeTestKitTests
{
    private static readonly Dictionary<string, byte[]> Kit = Load();

    public static TheoryData<string> Names() => [.. Kit.Keys.Where(name => !IsPostQuantum(name)).Order(StringComparer.Ordinal)];

    [Fact]
    public void Kit_has_as_many_vectors_as_its_version_should() =>
        Assert.Equal((143, 19), (Kit.Count, Kit.Keys.Count(IsPostQuantum)));

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Vector(string name)
    {
        var (fields, file) = Split(Kit[name]);
        var identities = new List<IAgeIdentity>();
        foreach (var text in fields["identity"])
            identities.Add(X25519Identity.Parse(Encoding.ASCII.GetBytes(text)));
        foreach (var text in fields["passphrase"])
            identities.Add(new ScryptIdentity(new SecretBytes(Encoding.UTF8.GetBytes(text))));

        var plaintext = new MemoryStream();
        string outcome = "success";
        try
        {
            await AgeFile.DecryptAsync(new TrickleStream(file), plaintext, identities);
        }
        catch (AgeException e)
        {
            outcome = e.Failure switch
            {
                AgeFailure.Header => "header failure",
                AgeFailure.Mac => "HMAC failure",
                AgeFailure.Payload => "payload failure",
                AgeFailure.NoMatch => "no match",
                AgeFailure.Armor => "armor failure",
                _ => e.Failure.ToString(),
            };
        }
        Assert.Equal(fields["expect"].Single(), outcome);
        if (fields["payload"].SingleOrDefault() is { } hash)
            Assert.Equal(hash, Convert.ToHexStringLower(SHA256.HashData(plaintext.ToArray())));
        else
            Assert.Empty(plaintext.ToArray());
    }

    private static bool IsPostQuantum(string name) => Split(Kit[name]).Fields["identity"].Any(i => i.StartsWith("AGE-SECRET-KEY-PQ-", StringComparison.OrdinalIgnoreCase));

    private static (ILookup<string, string> Fields, byte[] File) Split(byte[] vector)
    {
        int end = vector.AsSpan().IndexOf("\n\n"u8);
        var fields = Encoding.UTF8.GetString(vector, 0, end).Split('\n')
            .Select(line => line.Split(": ", 2)).ToLookup(parts => parts[0], parts => parts[1]);
        var file = vector[(end + 2)..];
        if (!fields.Contains("compressed"))
            return (fields, file);
        using var zlib = new ZLibStream(new MemoryStream(file), CompressionMode.Decompress);
        var whole = new MemoryStream();
        zlib.CopyTo(whole);
        return (fields, whole.ToArray());
    }

    private static Dictionary<string, byte[]> Load()
    {
        var path = Path.Combine(Checkout.Root, "tests", "interop", "node_modules", "cctv-age", "index.js");
        if (!File.Exists(path))
            throw new FileNotFoundException("age's test kit is not installed; run: npm ci --ignore-scripts in tests/interop");
        return VectorPattern().Matches(File.ReadAllText(path))
            .ToDictionary(m => m.Groups[1].Value, m => Convert.FromBase64String(m.Groups[2].Value));
    }

    [GeneratedRegex("// \\.\\./testdata/(\\S+)\\s+var \\S+ = __toBinary\\(\"([^\"]*)\"\\)")]
    private static partial Regex VectorPattern();
}
