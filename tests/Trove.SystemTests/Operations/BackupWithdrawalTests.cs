using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Trove.Core;
using Trove.Node;
using Trove.Node.Database;
using Trove.Node.Operations;
using Trove.Node.Vault;
using Trove.SystemTests.Vault;

namespace Trove.SystemTests.Operations;

/// <summary>A member withdraws while a backup is being made of what they had.</summary>
public sealed class BackupWithdrawalTests
{
    private static readonly Hash32 Stays = Hash32.Parse(new string('1', 64)), Goes = Hash32.Parse(new string('2', 64));

    [Fact]
    public async Task A_backup_during_which_blobs_are_destroyed_is_whole_and_has_nothing_of_them()
    {
        string data = TestFolder.Create(), again = TestFolder.Create("-again"), backups = TestFolder.Create("-backups");
        try
        {
            List<byte[]> staying = [VaultTestExtensions.Content(500, 70_000), VaultTestExtensions.Content(501, 70_000)];
            var held = staying.MinBy(c => Math.Abs(c.Sha256().ToArray()[0] - 128))!; // copied somewhere in the middle
            var going = Enumerable.Range(0, 60).Select(i => VaultTestExtensions.Content(i, 70_000)).ToList();
            Assert.Contains(going, c => c.Sha256().CompareTo(held.Sha256()) < 0);
            Assert.Contains(going, c => c.Sha256().CompareTo(held.Sha256()) > 0);
            await using (var node = await NodeHost.StartAsync(new NodeOptions { Data = data, LogLevel = LogLevel.None }, default))
            {
                var (vault, database) = (node.Services.GetRequiredService<VaultService>(), node.Services.GetRequiredService<NodeDatabase>());
                foreach (var (contribution, content) in staying.Select(c => (Stays, c)).Concat(going.Select(c => (Goes, c))))
                {
                    await vault.DeclareAsync(database, contribution, BlobKind.Part, content);
                    Assert.Equal(BlobState.Stored, (await vault.AppendAsync(contribution, content, 0, content.Length)).State);
                }

                // In place of one file a pipe: who opens it waits for us, with the database's picture taken and a part of the blobs copied.
                var file = BackupManifest.BlobIn(Path.Combine(data, "blobs"), held.Sha256());
                File.Move(file, file + ".aside");
                using (var made = Process.Start("mkfifo", [file]))
                    await made.WaitForExitAsync();
                var making = Task.Run(() => Backup.MakeAsync(data, backups, default));
                var pipe = Task.Run(() => new FileStream(file, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0));
                Assert.True(pipe == await Task.WhenAny(pipe, making), making.Exception?.ToString());
                var copied = Directory.GetFiles(Path.Combine(backups, "blobs"), "*", SearchOption.AllDirectories);
                Assert.True(copied.Length > 1, "nothing was copied before the withdrawal");
                Assert.Equal(going.Count, await vault.DestroyAsync(Goes, null, default));
                await using (var writing = await pipe)
                    await writing.WriteAsync(held);
                var manifest = await making;
                File.Move(file + ".aside", file, overwrite: true);

                Assert.Empty(manifest.Missing);
                Assert.Equal(staying.Select(c => c.Sha256()).Order(), manifest.Blobs.Select(b => b.Sha256));
            }
            Assert.Equal(staying.Count, Directory.GetFiles(Path.Combine(backups, "blobs"), "*", SearchOption.AllDirectories).Length);
            var parts = Directory.GetDirectories(backups).Where(d => Path.GetFileName(d) != "blobs").ToList();
            Assert.Single(parts); // the picture from before the withdrawal is gone
            foreach (var path in Directory.GetFiles(backups, "*", SearchOption.AllDirectories))
            {
                var bytes = await File.ReadAllBytesAsync(path);
                Assert.DoesNotContain(going, c => bytes.AsSpan().IndexOf(c.AsSpan(0, 64)) >= 0);
            }

            await Restore.RunAsync(backups, again, default);
            await using (var back = await NodeHost.StartAsync(new NodeOptions { Data = again, LogLevel = LogLevel.None }, default))
            {
                var vault = back.Services.GetRequiredService<VaultService>();
                foreach (var content in staying)
                    await using (var read = await vault.OpenReadAsync(content.Sha256(), BlobKind.Part, default))
                        Assert.Equal(content.Length, read.Length);
                Assert.Equal(VaultError.Gone, (await Assert.ThrowsAsync<VaultException>(() => vault.OpenReadAsync(going[0].Sha256(), BlobKind.Part, default))).Error);
            }
        }
        finally
        {
            foreach (var folder in new[] { data, again, backups })
                Directory.Delete(folder, recursive: true);
        }
    }
}
