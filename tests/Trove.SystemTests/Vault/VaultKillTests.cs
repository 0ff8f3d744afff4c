using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Trove.Chain.Embedded;
using Trove.Core;
using Trove.Node.Database;
using Trove.Node.Vault;
using static Trove.SystemTests.Vault.VaultTestExtensions;

namespace Trove.SystemTests.Vault;

/// <summary>
/// kill -9 of a real server process while pieces come in. The server is this test program again, told to run
/// <see cref="ServeUntilKilled"/> only.
/// </summary>
public sealed class VaultKillTests(PostgresFixture postgres)
{
    private const string DatabaseVariable = "TROVE_TEST_VAULT_DATABASE";
    private const string FolderVariable = "TROVE_TEST_VAULT_FOLDER";
    private static readonly Hash32 Contribution = Hash32.Parse(new string('1', 64));

    [Fact(Explicit = true)]
    public async Task ServeUntilKilled()
    {
        var connection = Environment.GetEnvironmentVariable(DatabaseVariable);
        Assert.SkipWhen(connection is null, "started by the tests below");
        var folder = Environment.GetEnvironmentVariable(FolderVariable)!;
        await using var host = await VaultHost.StartAsync(connection, Path.Combine(folder, "vault"), new VaultOptions { KeepFree = 0 });
        await File.WriteAllTextAsync(Path.Combine(folder, "url.new"), host.Client.BaseAddress!.ToString());
        File.Move(Path.Combine(folder, "url.new"), Path.Combine(folder, "url"), overwrite: true);
        await Task.Delay(Timeout.Infinite);
    }

    [Fact]
    public async Task What_was_acknowledged_is_there_after_kill_9_in_the_middle_of_a_piece()
    {
        var folder = TestFolder.Create();
        try
        {
            var connection = await postgres.NewDatabaseAsync();
            await using var database = await NodeDatabase.OpenAsync(connection, CancellationToken.None);
            var content = Content(5, 3 << 20);
            var chance = new Random(1);
            long acknowledged = 0;
            for (int round = 0; round < 3; round++)
            {
                await using var server = await StartServerAsync(connection, folder);
                using var client = new HttpClient { BaseAddress = await UrlAsync(server, folder) };
                if (round == 0)
                {
                    var declaring = new VaultService(database, new BlobStore(Path.Combine(folder, "unused"), 0), new VaultOptions(), TimeProvider.System,
                        Microsoft.Extensions.Logging.Abstractions.NullLogger<VaultService>.Instance);
                    await declaring.DeclareAsync(database, Contribution, BlobKind.Part, content);
                }
                long received = await ReceivedAsync(client);
                Assert.True(received >= acknowledged, $"{acknowledged} bytes were acknowledged and {received} are there");
                acknowledged = received;
                if (round == 2)
                {
                    // The rest in one go: the whole is right, so every piece was.
                    while (acknowledged < content.Length)
                        acknowledged = await PutAsync(client, content, acknowledged, 1 << 20);
                    Assert.Equal(content, await client.GetByteArrayAsync($"/api/v1/blobs/{content.Sha256().ToHex()}"));
                    Assert.Empty(Directory.EnumerateFiles(Path.Combine(folder, "vault", "tmp")));
                    break;
                }
                // Pieces one after the other until the server dies under one of them.
                var enough = new TaskCompletionSource();
                long first = acknowledged;
                var sending = Task.Run(async () =>
                {
                    try
                    {
                        while (acknowledged < content.Length)
                        {
                            acknowledged = await PutAsync(client, content, acknowledged, chance.Next(1, 4096));
                            if (acknowledged - first > 20_000)
                                enough.TrySetResult();
                        }
                    }
                    catch (HttpRequestException)
                    {
                        // The server is gone.
                    }
                });
                await await Task.WhenAny(enough.Task, sending);
                await server.KillAsync();
                await sending;
                Assert.True(acknowledged - first > 20_000);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<ChildProcess> StartServerAsync(string connection, string folder)
    {
        File.Delete(Path.Combine(folder, "url"));
        var program = typeof(VaultKillTests).Assembly.Location;
        return await ChildProcess.StartAsync(new ChildProcessOptions
        {
            Program = "dotnet",
            Arguments = ["exec", program, "--explicit", "only", "--filter-method", $"{typeof(VaultKillTests).FullName}.{nameof(ServeUntilKilled)}"],
            Environment = new Dictionary<string, string>
            {
                [DatabaseVariable] = connection,
                [FolderVariable] = folder,
                ["HOME"] = folder,
                ["DOTNET_NOLOGO"] = "1",
                ["TESTINGPLATFORM_TELEMETRY_OPTOUT"] = "1",
            },
            WorkingDirectory = folder,
        });
    }

    private static async Task<Uri> UrlAsync(ChildProcess server, string folder)
    {
        var file = Path.Combine(folder, "url");
        while (!File.Exists(file))
        {
            Assert.False(server.HasExited, server.Describe());
            await Task.Delay(50);
        }
        return new Uri(await File.ReadAllTextAsync(file));
    }

    private static async Task<long> ReceivedAsync(HttpClient client)
    {
        var list = await client.GetFromJsonAsync<JsonElement>($"/api/v1/contributions/{Contribution}/blobs");
        return list.GetProperty("blobs")[0].GetProperty("received").GetInt64();
    }

    private static async Task<long> PutAsync(HttpClient client, byte[] content, long offset, int length)
    {
        length = (int)Math.Min(length, content.Length - offset);
        using var request = new HttpRequestMessage(HttpMethod.Put, $"/api/v1/contributions/{Contribution}/blobs/{content.Sha256().ToHex()}?offset={offset}")
        {
            Content = new ByteArrayContent(content, (int)offset, length),
            Headers = { Authorization = new("Bearer", Token) },
        };
        using var response = await client.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("received").GetInt64();
    }
}
