using System.Diagnostics;
using System.Text;
using Trove.Core;
using Trove.Crypto;

namespace Trove.SystemTests.Crypto;

/// <summary>Age files and proofs between Trove and other implementations, as real processes: the <c>age</c> tool of the system,
/// npm age-encryption and npm @noble/curves (installed in tests/interop by <c>npm ci --ignore-scripts</c>).</summary>
public sealed class AgeInteropTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("trove-interop-").FullName;
    private readonly X25519Identity _identity = X25519Identity.Generate();

    public static TheoryData<int, bool> Files()
    {
        var data = new TheoryData<int, bool>();
        foreach (int size in (int[])[0, 1, 65535, 65536, 65537, 1_000_000]) // around the chunks of STREAM
            data.Add(size, size is 1 or 65536);
        data.Add(1, false);
        return data;
    }

    public void Dispose()
    {
        _identity.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public async Task The_age_tool_reads_ours_and_we_read_its(int size, bool armor)
    {
        var data = Data(size);
        string ours = InFolder("ours", await Encrypt(data, armor, _identity.Recipient)), plain = InFolder("plain", data), theirs = InFolder("theirs");
        using (var text = _identity.ExportText())
            File.WriteAllBytes(InFolder("key"), text.Span);
        Assert.Equal(data, await Run("age", ["-d", "-i", InFolder("key"), ours]));
        await Run("age", [.. armor ? (string[])["-a"] : [], "-r", _identity.Recipient.ToString(), "-o", theirs, plain]);
        Assert.Equal(data, await Decrypt(theirs, _identity));
    }

    [Theory]
    [MemberData(nameof(Files))]
    public async Task Npm_age_encryption_reads_ours_and_we_read_its(int size, bool armor)
    {
        var data = Data(size);
        string[] armored = armor ? ["armor"] : [];
        using var text = _identity.ExportText();
        var ours = await Encrypt(data, armor, _identity.Recipient);
        Assert.Equal(data, await Node(["age.mjs", "decrypt", "identity", Encoding.ASCII.GetString(text.Span), .. armored], ours));
        string theirs = InFolder("theirs", await Node(["age.mjs", "encrypt", "recipient", _identity.Recipient.ToString(), .. armored], data));
        Assert.Equal(data, await Decrypt(theirs, _identity));
    }

    [Fact]
    public async Task Passphrases_work_both_ways_with_npm_age_encryption()
    {
        var data = Data(1000);
        using var passphrase = SecretBytes.FromText("Grüße aus Wien");
        using var recipient = new ScryptRecipient(passphrase, 10);
        using var identity = new ScryptIdentity(passphrase);
        Assert.Equal(data, await Node(["age.mjs", "decrypt", "passphrase", "Grüße aus Wien"], await Encrypt(data, false, recipient)));
        Assert.Equal(data, await Decrypt(InFolder("theirs", await Node(["age.mjs", "encrypt", "passphrase", "Grüße aus Wien"], data)), identity));
    }

    // The tool asks on a terminal only; script(1) of util-linux gives it one.
    [Fact]
    public async Task Passphrases_work_both_ways_with_the_age_tool()
    {
        var data = Data(1000);
        using var passphrase = SecretBytes.FromText("trove");
        using var recipient = new ScryptRecipient(passphrase, 12);
        using var identity = new ScryptIdentity(passphrase);
        string ours = InFolder("ours", await Encrypt(data, true, recipient)), plain = InFolder("plain", data), theirs = InFolder("theirs"), opened = InFolder("opened");
        await Run("script", ["-qec", $"age -d -o {opened} {ours}", "/dev/null"], "trove\n"u8.ToArray());
        Assert.Equal(data, File.ReadAllBytes(opened));
        await Run("script", ["-qec", $"age -p -o {theirs} {plain}", "/dev/null"], "trove\ntrove\n"u8.ToArray());
        Assert.Equal(data, await Decrypt(theirs, identity));
    }

    [Fact]
    public async Task A_part_is_an_ordinary_age_file_for_the_age_tool()
    {
        var data = Data(100_000);
        string file = InFolder("part");
        using (var output = File.Create(file))
            (await SealedPart.CreateAsync(new MemoryStream(data), output, _identity.Recipient)).Dispose();
        using (var text = _identity.ExportText())
            File.WriteAllBytes(InFolder("key"), text.Span);
        Assert.Equal(data, await Run("age", ["-d", "-i", InFolder("key"), file]));
    }

    [Fact]
    public async Task Noble_curves_verifies_our_proofs()
    {
        using var part = await SealedPart.CreateAsync(Stream.Null, Stream.Null, _identity.Recipient);
        var context = Encoding.UTF8.GetBytes("a contribution");
        var proof = ProofOfKnowledge.Create(part.EphemeralSecret, context);
        Assert.Equal("true\n", await Verify(proof, part.EphemeralShare, context));
        Assert.Equal("false\n", await Verify(proof, part.EphemeralShare, [1]));
    }

    [Fact]
    public async Task Noble_curves_combines_our_partial_decryptions_and_verifies_their_proofs()
    {
        using var key = AssetKey.Deal(2, 3);
        using var part = await SealedPart.CreateAsync(Stream.Null, Stream.Null, key.Public.Recipient);
        var knowledge = ProofOfKnowledge.Create(part.EphemeralSecret, []);
        var point = ProofOfKnowledge.PointOf(knowledge);
        var partials = key.Shares.Select(share => share.Decrypt(knowledge, part.EphemeralShare, [])).ToList();
        string[] texts = [.. partials.Select(Text)];
        using var shared = key.Public.Combine(partials);
        Assert.Equal(Convert.ToHexStringLower(shared.Span) + "\n", await Threshold("combine", texts[2], texts[0]));

        byte[] context = Encoding.UTF8.GetBytes("a use"), proof = key.Shares[1].Prove(point, partials[1], context);
        string commitment = key.Public.Commitments[1].ToHex(), use = Convert.ToHexStringLower(context), hex = Convert.ToHexStringLower(proof);
        Assert.Equal("true\n", await Threshold("verify", commitment, point.ToHex(), texts[1], use, hex));
        Assert.Equal("false\n", await Threshold("verify", commitment, point.ToHex(), texts[0], use, hex));

        static string Text(PartialDecryption partial)
        {
            using var bytes = partial.Encode();
            return Convert.ToHexStringLower(bytes.Span);
        }

        static async Task<string> Threshold(params string[] arguments) => Encoding.ASCII.GetString(await Node(["threshold-vectors.mjs", .. arguments], []));
    }

    [Theory]
    [InlineData("threshold")]
    [InlineData("proof-of-knowledge")]
    public async Task Vectors_are_those_that_noble_curves_makes(string name)
    {
        string vectors = Path.Combine(Root, "specs", "vectors", $"{name}.json"), script = name == "threshold" ? "threshold-vectors.mjs" : "proof-vectors.mjs";
        Assert.Equal(await File.ReadAllTextAsync(vectors), Encoding.UTF8.GetString(await Node([script], [])));
    }

    private static async Task<string> Verify(byte[] proof, Hash32 share, byte[] context) => Encoding.ASCII.GetString(
        await Node(["proof-vectors.mjs", "verify", Convert.ToHexStringLower(proof), share.ToHex(), Convert.ToHexStringLower(context)], []));

    private static byte[] Data(int size)
    {
        var data = new byte[size];
        new Random(size).NextBytes(data);
        return data;
    }

    private string InFolder(string name, byte[]? content = null)
    {
        string path = Path.Combine(_folder, name);
        if (content is not null)
            File.WriteAllBytes(path, content);
        return path;
    }

    private static async Task<byte[]> Encrypt(byte[] data, bool armor, IAgeRecipient recipient)
    {
        var output = new MemoryStream();
        await AgeFile.EncryptAsync(new MemoryStream(data), output, [recipient], armor);
        return output.ToArray();
    }

    private static async Task<byte[]> Decrypt(string path, IAgeIdentity identity)
    {
        using var file = File.OpenRead(path);
        var output = new MemoryStream();
        await AgeFile.DecryptAsync(file, output, [identity]);
        return output.ToArray();
    }

    private static string Root
    {
        get
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Trove.slnx")))
                folder = folder.Parent;
            return folder!.FullName;
        }
    }

    private static Task<byte[]> Node(string[] arguments, byte[] input)
    {
        string interop = Path.Combine(Root, "tests", "interop");
        Assert.True(Directory.Exists(Path.Combine(interop, "node_modules")), "the peers are not installed; run: npm ci --ignore-scripts in tests/interop");
        return Run("node", arguments, input, interop);
    }

    private static async Task<byte[]> Run(string program, string[] arguments, byte[]? input = null, string? folder = null)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder ?? "" };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = new MemoryStream();
        var reading = process.StandardOutput.BaseStream.CopyToAsync(output);
        await process.StandardInput.BaseStream.WriteAsync(input ?? []);
        process.StandardInput.Close();
        await reading;
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
            Assert.Fail($"{program} {arguments[0]} failed: {await error} {Encoding.Latin1.GetString(output.ToArray())}"); // script(1) puts errors on the output
        return output.ToArray();
    }
}
