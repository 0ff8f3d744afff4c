using System.Runtime.CompilerServices;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Trove.Node.Database;
using Trove.Node.Operations;

[assembly: InternalsVisibleTo("Trove.Tests")]
[assembly: InternalsVisibleTo("Trove.SystemTests")]

namespace Trove.Node.Vault;

/// <summary>The vault's services; <see cref="VaultEndpoints"/> has its HTTP interface.</summary>
public static class VaultSetup
{
    /// <summary>Adds the vault and its sweep. A <see cref="NodeDatabase"/> has to be there.</summary>
    /// <param name="services">The node's services.</param>
    /// <param name="folder">The blob folder; nodes on one database share it.</param>
    /// <param name="options">Limits.</param>
    /// <param name="free">Bytes free on the disk of a folder; what the system says by default.</param>
    public static IServiceCollection AddVault(this IServiceCollection services, string folder, VaultOptions options, Func<string, long>? free = null)
    {
        var blobs = new BlobStore(folder, options.KeepFree, free);
        services.AddSingleton(blobs);
        services.AddSingleton(s => new VaultService(s.GetRequiredService<NodeDatabase>(), blobs, options,
            TimeProvider.System, s.GetRequiredService<ILogger<VaultService>>()));
        services.AddHostedService<VaultSweeper>();
        return services;
    }
}

/// <summary>Sweeps at start, which finishes what a crash interrupted, and then every ten minutes.</summary>
internal sealed class VaultSweeper(VaultService vault, ILogger<VaultSweeper> log) : Worker("vault sweeper", TimeSpan.FromMinutes(40))
{
    private static readonly TimeSpan Period = TimeSpan.FromMinutes(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period);
        try
        {
            do
            {
                Beat();
                try
                {
                    int changed = await vault.SweepAsync(stoppingToken);
                    if (changed > 0)
                        log.LogInformation(LogEvents.VaultSwept, "The vault finished, expired or destroyed {Count} blobs", changed);
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    log.LogError(LogEvents.SweepFailed, e, "The vault's sweep failed; the next one is in {Minutes} minutes", Period.TotalMinutes);
                }
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The node stops.
        }
    }
}
