using Trove.Node.Database;

namespace Trove.Tests.Vault;

public class WorkQueuePauseTests
{
    [Fact]
    public void Pauses_grow_have_chance_in_them_and_are_bounded()
    {
        Assert.Equal(TimeSpan.FromSeconds(1), WorkQueue.Pause(1, 0));
        Assert.Equal(TimeSpan.FromSeconds(2), WorkQueue.Pause(1, 1));
        Assert.Equal(TimeSpan.FromSeconds(16), WorkQueue.Pause(5, 0));
        for (int attempt = 1; attempt < 100; attempt++)
        {
            Assert.True(WorkQueue.Pause(attempt + 1, 0) >= WorkQueue.Pause(attempt, 0));
            Assert.InRange(WorkQueue.Pause(attempt, 1), TimeSpan.FromSeconds(2), TimeSpan.FromMinutes(15));
        }
        Assert.Equal(TimeSpan.FromMinutes(15), WorkQueue.Pause(int.MaxValue, 1));
    }
}
