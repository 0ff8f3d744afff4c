using System.Text;

namespace Trove.Tests.Fuzz;

/// <summary>All fuzz targets by name; one for every parser and codec that bytes from outside reach.</summary>
internal static class Targets
{
    private static readonly Lazy<IReadOnlyDictionary<string, FuzzTarget>> Made = new(() =>
        CoreTargets.All().Concat(CryptoTargets.All()).Concat(ThresholdTargets.All()).Concat(CeremonyTargets.All()).Concat(ChainTargets.All()).Append(ReplayTarget.Create()).Concat(RpcTargets.All()).Concat(ExportTargets.All())
            .Concat(NodeTargets.All()).Concat(DocumentTargets.All()).Concat(GuardianTargets.All()).Concat(ModelTargets.All()).ToDictionary(t => t.Name, StringComparer.Ordinal));

    public static IReadOnlyDictionary<string, FuzzTarget> All => Made.Value;

    /// <summary>The bytes as text, each byte one character where they are no UTF-8.</summary>
    public static string Text(byte[] bytes) => Encoding.UTF8.GetString(bytes);

    /// <summary>Runs what only looks asynchronous: all its streams and answers are in memory, so that this thread does all the work.</summary>
    public static T Wait<T>(Task<T> task) => task.GetAwaiter().GetResult();
}
