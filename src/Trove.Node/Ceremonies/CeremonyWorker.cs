using Microsoft.Extensions.Logging;
using Trove.Node.Operations;

namespace Trove.Node.Ceremonies;

/// <summary>Keeps ceremonies going. Several nodes on one database may do it at once: who comes second finds it done.</summary>
public sealed class CeremonyWorker(CeremonyService ceremonies, CeremonyChanges changes, ILogger<CeremonyWorker> log) : Worker("ceremonies", TimeSpan.FromMinutes(30))
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            Beat();
            try
            {
                await ceremonies.PassTimeAsync(stoppingToken);
                await changes.LookAfterAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                log.LogError(LogEvents.CeremonyWorkerFailed, e, "Looking after ceremonies failed; it goes on in {Seconds} s", Pause.TotalSeconds * 10);
                await Task.WhenAny(Task.Delay(Pause * 10, stoppingToken));
            }
            await Task.WhenAny(Task.Delay(Pause, stoppingToken));
        }
    }
}
