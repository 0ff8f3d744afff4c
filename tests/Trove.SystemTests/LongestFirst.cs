using Xunit.Sdk;
using Xunit.v3;

namespace Trove.SystemTests;

/// <summary>The tests that last minutes begin first, so that nothing is waited for in the end but the longest of them.</summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    private static readonly string[] Longest = [nameof(Faults.KillMatrixTests), nameof(Story.OwnExportTests), nameof(Story.DemoTests), nameof(ManyNodes.ManyNodesTests)];

    /// <inheritdoc/>
    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections) where TTestCollection : ITestCollection =>
        [.. testCollections.OrderBy(c => Array.FindIndex(Longest, name => c.TestCollectionDisplayName.Contains(name, StringComparison.Ordinal)) is var i and >= 0 ? i : Longest.Length)];
}
