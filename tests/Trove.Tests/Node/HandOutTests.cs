using Trove.Node.Protocol;
using Trove.Node.Epochs;

namespace Trove.Tests.Node;

public class HandOutTests
{
    [Fact]
    public void Claims_leave_out_what_has_nothing_due_where_that_is_cheaper()
    {
        Assert.Empty(Ranges([]));
        Assert.Equal([(3u, 3u)], Ranges([3]));
        Assert.Equal([(0u, 9u)], Ranges([0, 9]));
        Assert.Equal([(0u, 0u), (10u, 12u)], Ranges([0, 10, 12]));
        Assert.Equal([(0u, 2u), (5u, 6u)], HandOutService.Ranges([0, 2, 5, 6], new HashSet<uint> { 3 }));
        Assert.Equal([(7u, 106u), (107u, 206u)], Ranges([.. Enumerable.Range(7, 200).Select(i => (uint)i)]));
        Assert.All(Ranges([.. Enumerable.Range(0, 1000).Where(i => i % 3 != 0).Select(i => (uint)i)]), r => Assert.InRange((int)(r.Last - r.First + 1), 1, AssetCalls.ClaimsPerTransaction));
    }

    private static IEnumerable<(uint First, uint Last)> Ranges(IReadOnlyList<uint> indexes) => HandOutService.Ranges(indexes, new HashSet<uint>());
}
