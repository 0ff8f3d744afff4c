using System.Diagnostics;
using System.Security.Cryptography;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Protocol;
using Trove.SystemTests.Api;
using Trove.SystemTests.Story;

namespace Trove.SystemTests.Operations;

/// <summary>A real disk filled to its last byte by somebody else, under a real node.</summary>
public sealed class FullDiskTests
{
    private const int DiskMegabytes = 320, FloorMegabytes = 64;

    [Fact]
    public async Task A_node_on_a_full_disk_stays_up_loses_nothing_and_goes_on()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root to mount a small disk");
        var disk = TestFolder.Create();
        Assert.SkipUnless(Run("mount", "-t", "tmpfs", "-o", $"size={DiskMegabytes}m,mode=0755", "tmpfs", disk) == 0, "mounting is not allowed here");
        using var founder = SigningKey.Generate();
        using var verifier = KeyFile.Create();
        try
        {
            var data = Path.Combine(disk, "node");
            Directory.CreateDirectory(data);
            var (node, client) = await Served.NodeAsync(data, "--keep-free", $"{FloorMegabytes}", "--log-level", "none");
            await using (node)
            using (client)
            {
                var info = await client.InfoAsync(default);
                var asset = await ApiFixture.CreateAssetAsync(client, info, founder, [verifier], "DISK");
                using var member = await Member.PrepareAsync(asset, Member.Reddit("disk", "The harbour book is full and the clerk writes on the walls"));
                var announced = await Evaluators.AnnounceAsync(client, info, asset, member.Announce(info, asset));
                await member.SealAsync(announced);
                await client.SetManifestAsync(announced.Contribution, member.Manifest(info, asset, announced), default);
                var first = member.Ciphertexts.First();
                await client.PutPieceAsync(announced.Contribution, Sha256(first), 0, first, announced.UploadToken, default);

                var hog = Path.Combine(disk, "hog");
                Fill(hog);
                Assert.Equal(0, new DriveInfo(disk).AvailableFreeSpace);
                var report = await Served.HealthAsync(client.Node, "ready", "failing");
                Assert.False((bool)report.Part("blobs")["ok"]!);
                var refused = await Assert.ThrowsAsync<TroveApiException>(() => client.PutPieceAsync(announced.Contribution, Sha256(member.Evidence), 0, member.Evidence, announced.UploadToken, default));
                Assert.Equal((507, "no-space"), (refused.Status, refused.Code));
                Assert.Equal(info, await client.InfoAsync(default));
                Assert.False(node.HasExited);

                File.Delete(hog);
                await Served.HealthAsync(client.Node, "ready", "ready");
                await member.UploadAsync(client, announced); // the first piece again, which was acknowledged before, and the rest
                await client.CompleteAsync(announced.Contribution, default);
                await ApiFixture.VerifyAsync(client, info, [verifier], async () => (await client.ContributionAsync(announced.Contribution, default)).State == "attested");
                node.Signal("TERM");
                Assert.Equal(0, (await node.EndAsync()).Code);
            }
        }
        finally
        {
            while (Processes.Naming(disk).Count > 0)
                await Task.Delay(20);
            Assert.Equal(0, Run("umount", disk));
            Directory.Delete(disk);
        }
    }

    private static Hash32 Sha256(byte[] bytes) => new(SHA256.HashData(bytes));

    private static void Fill(string file)
    {
        using var stream = new FileStream(file, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        foreach (int size in new[] { 1 << 20, 1 << 12 })
            try
            {
                while (true)
                    stream.Write(new byte[size]);
            }
            catch (IOException)
            {
                // Full, to this size.
            }
    }

    private static int Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        return process.ExitCode;
    }
}
