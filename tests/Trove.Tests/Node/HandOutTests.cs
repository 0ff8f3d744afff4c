using Trove.Node.Protocol;
using Trove.Node.Epochs;

namespace Trove.Tests.Node;

public class HandOutTests
{
    [Fact]
    public void Claims_leave_out_what_has_nothing_due_where_that_is_cheaper()
    {
        Assert.Empty(HandOutService.Ranges([]));
        Assert.Equal([(3u, 3u)], HandOutService.Ranges([3]));
        Assert.Equal([(0u, 9u)], HandOutService.Ranges([0, 9]));
        Assert.Equal([(0u, 0u), (10u, 12u)], HandOutService.Ranges([0, 10, 12]));
        Assert.Equal([(7u, 106u), (107u, 206u)], HandOutService.Ranges([.. Enumerable.Range(7, 200).Select(i => (uint)i)]));
        Assert.All(HandOutService.Ranges([.. Enumerable.Range(0, 1000).Where(i => i % 3 != 0).Select(i => (uint)i)]), r => Assert.InRange((int)(r.Last - r.First + 1), 1, AssetCalls.ClaimsPerTransaction));
    }
}
