using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Trove.Core;
using Trove.Node.Protocol;
using Trove.SystemTests.Api;

namespace Trove.SystemTests.Hostile;

/// <summary>
/// Contributions whose evidence is no honest archive, all the way through the node to verifiers: each is refused with a reason,
/// and a good one after them is attested.
/// </summary>
public sealed class ArchiveTests(ApiFixture api)
{
    [Fact]
    public async Task Bombs_lies_and_pieces_are_refused_and_the_verifiers_go_on()
    {
        await api.ReadyAsync();
        var hostile = new Dictionary<string, Func<byte[], byte[]>>
        {
            ["bomb"] = Bomb, ["cut short"] = zip => zip[..(zip.Length * 2 / 3)], ["doubled"] = zip => [.. zip, .. zip], ["with a gigabyte claimed"] = Claim, ["climbing out"] = _ => Climbing(),
            ["nothing"] = _ => [0],
        };
        var ids = new Dictionary<string, Hash32>();
        var members = new Dictionary<string, Member>();
        foreach (var (name, lie) in hostile)
        {
            var zip = Export(name);
            var member = members[name] = await Member.PrepareAsync(api.Asset, zip);
            member.EvidenceZip = lie(zip);
            ids[name] = await member.ContributeAsync(api.Client, api.Info, api.Asset);
        }
        using var honest = await Member.PrepareAsync(api.Asset, Export("honest"));
        var good = await honest.ContributeAsync(api.Client, api.Info, api.Asset);
        await api.VerifyAsync(async () => (await StateAsync(good)) == "attested" && (await Task.WhenAll(ids.Values.Select(StateAsync))).All(s => s == "refused"));
        foreach (var (name, id) in ids)
        {
            using var owner = members[name];
            var info = await api.Client.ContributionAsync(id, owner.Key, default); // why is the owner's to know
            Assert.True(info.RefusalCode is "evidence-unreadable" or "evidence-contradicts" or "not-in-evidence", $"{name}: {info.RefusalCode} {info.Refusal}");
            Assert.DoesNotContain("tide", info.Refusal!, StringComparison.Ordinal); // a word of the export
        }
    }

    // Verifiers take 512 MiB: said before a byte is uploaded.
    [Fact]
    public async Task Sizes_that_no_verifier_takes_are_refused_at_the_announcement()
    {
        await api.ReadyAsync();
        using var member = await Member.PrepareAsync(api.Asset, Export("large"));
        IReadOnlyList<AnnouncedPart> parts = [.. member.Parts(api.Info, api.Asset).Select((p, i) => i == 0 ? p with { Size = 10L << 30 } : p)];
        Assert.Equal("too-large", (await Assert.ThrowsAsync<TroveApiException>(() => api.Client.AnnounceAsync(api.Asset.Asset, member.Announce(api.Info, api.Asset, parts), default))).Code);
    }

    private async Task<string> StateAsync(Hash32 id) => (await api.Client.ContributionAsync(id, default)).State;

    private static byte[] Export(string name) => Member.Reddit("hostile" + Convert.ToHexStringLower(Encoding.UTF8.GetBytes(name)), $"the tide came in over the marsh and {name} was what it left", "and nobody saw it go out again that night");

    // 40 MiB in 40 KiB, in a file that would be read.
    private static byte[] Bomb(byte[] zip)
    {
        using var buffer = new MemoryStream();
        buffer.Write(zip);
        using (var archive = new ZipArchive(buffer, ZipArchiveMode.Update, leaveOpen: true))
        {
            archive.GetEntry("comments.csv")?.Delete();
            using var entry = archive.CreateEntry("comments.csv", CompressionLevel.Optimal).Open();
            var block = new byte[1 << 20];
            block.AsSpan().Fill((byte)'a');
            entry.Write("id,permalink,date,ip,subreddit,gildings,link,parent,body,media\r\n"u8);
            for (int i = 0; i < 40; i++)
                entry.Write(block);
        }
        return buffer.ToArray();
    }

    // The directory says of each file that it has 4 GiB less one byte.
    private static byte[] Claim(byte[] zip)
    {
        var bytes = zip.ToArray();
        for (int i = 0; i + 46 < bytes.Length; i++)
            if (bytes.AsSpan(i).StartsWith("PK\u0001\u0002"u8))
                BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(i + 24), uint.MaxValue - 1);
        return bytes;
    }

    private static byte[] Climbing() => Member.Zip(("../../../etc/cron.d/comments.csv", "id,body\r\n1,x\r\n"), ("/comments.csv", "id,body\r\n"), ("C:\\comments.csv", "id,body\r\n"), ("a/../comments.csv", "id,body\r\n"));
}
