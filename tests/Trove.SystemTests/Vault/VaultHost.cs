using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Trove.Core;
using Trove.Node.Database;
using Trove.Node.Protocol;
using Trove.Node.Vault;

namespace Trove.SystemTests.Vault;

/// <summary>The vault behind a real Kestrel on a free port of the loopback address.</summary>
internal sealed class VaultHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private VaultHost(WebApplication app, NodeDatabase database)
    {
        _app = app;
        Database = database;
        Client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
    }

    public NodeDatabase Database { get; }
    public HttpClient Client { get; }
    public VaultService Vault => _app.Services.GetRequiredService<VaultService>();

    public static async Task<VaultHost> StartAsync(string connection, string folder, VaultOptions options)
    {
        var database = await NodeDatabase.OpenAsync(connection, CancellationToken.None);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        builder.Services.ConfigureHttpJsonOptions(json => TroveJson.Configure(json.SerializerOptions));
        builder.Services.AddSingleton(database);
        builder.Services.AddVault(folder, options);
        var app = builder.Build();
        app.MapVault();
        await app.StartAsync();
        return new VaultHost(app, database);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.DisposeAsync();
        await Database.DisposeAsync();
    }
}

/// <summary>Short forms that tests share.</summary>
internal static class VaultTestExtensions
{
    public static readonly Address Owner = Address.Parse("0x00000000000000000000000000000000000000aa");
    public const string Token = "a-token-that-only-the-member-has";

    public static Hash32 Sha256(this byte[] content) => new(System.Security.Cryptography.SHA256.HashData(content));

    public static byte[] Content(int seed, int length)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    public static Task DeclareAsync(this VaultService vault, NodeDatabase database, Hash32 contribution, BlobKind kind, byte[] content, Address? owner = null) =>
        database.TransactAsync(async t =>
        {
            await vault.DeclareAsync(t, contribution, owner ?? Owner, kind, content.Sha256(), content.Length, CancellationToken.None);
            await vault.SetUploadTokenAsync(t, contribution, System.Text.Encoding.UTF8.GetBytes(Token).Sha256());
        }, CancellationToken.None);

    public static Task<BlobStatus> AppendAsync(this VaultService vault, Hash32 contribution, byte[] content, int offset, int length) =>
        vault.AppendAsync(contribution, content.Sha256(), offset, new MemoryStream(content, offset, length), length, CancellationToken.None);
}
