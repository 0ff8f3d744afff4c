using System.Globalization;
using System.Runtime.InteropServices;

namespace Trove.Chain.Durability;

/// <summary>
/// Named moments between two durable steps, where a crash must lose nothing that was acknowledged. A driver of crashes arms one by
/// putting a file of its name into the folder that the environment names; the first process to reach it takes the file and stands
/// still, until the driver has killed whom it wants and lets it go on. Without that variable reaching one costs a null check.
/// </summary>
public static class FaultPoint
{
    /// <summary>The environment variable that names the folder.</summary>
    public const string Variable = "TROVE_FAULTS";

    private const int SigStop = 19; // signal(7), Linux x64

    /// <summary>All of them, as transition.step.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "upload.piece-spooled", "upload.piece-flushed", "upload.piece-committed", "upload.upload-adopted",
        "announce.drawn", "announce.committed", "manifest.committed", "complete.committed",
        "attest.computed", "attest.committed", "close.committed", "sign.committed",
        "relay.journaled", "post-epoch.mined", "novelty.filled", "claim-shares.mined", "withdraw.mined", "request.mined", "propose.mined", "vote.mined", "queue.mined", "execute.mined",
        "open-use.mined", "use.opened", "release.recorded", "release.committed", "result.computed", "result.kept", "post-result.mined", "snapshot.mined",
        "ceremony.sealed", "ceremony.sent", "ceremony.share-kept", "ceremony.old-destroyed",
        "journal.appended", "dump.written",
    ];

    /// <summary>The folder of the driver; null when nobody drives.</summary>
    internal static string? Folder { get; } = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } folder ? folder : null;

    /// <summary>Stands still if <paramref name="name"/> is armed.</summary>
    public static void Reach(string name)
    {
        if (Folder is null)
            return;
        try
        {
            File.Move(Path.Combine(Folder, name), Path.Combine(Folder, name + "." + Environment.ProcessId.ToString(CultureInfo.InvariantCulture)));
        }
        catch (IOException)
        {
            return; // not armed, or another process was first
        }
        _ = Kill(Environment.ProcessId, SigStop);
    }

    /// <summary>A count after which something happens that has a fault point: under a driver a small one, or a story would end before it.</summary>
    internal static ulong Soon(ulong count) => Folder is null ? count : Math.Min(count, 8);

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int process, int signal);
}
