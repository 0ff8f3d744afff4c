using System.Globalization;
using Trove.SystemTests.Story;

namespace Trove.SystemTests.Faults;

/// <summary>
/// kill -9 and power failures at every named moment between two durable steps, of every process alone and of every two of them:
/// what was acknowledged is there and the story comes to its end. Here a part of the matrix; TROVE_FAULTS_SEEDS=FIRST-LAST runs
/// whole stories with every point armed, and as many seeds as there are sets of victims are the whole matrix ('trove bench faults').
/// </summary>
public sealed class KillMatrixTests(ITestOutputHelper output)
{
    public static TheoryData<int, int> Seeds
    {
        get
        {
            var data = new TheoryData<int, int>();
            if (Environment.GetEnvironmentVariable("TROVE_FAULTS_SEEDS")?.Split('-') is [var first, var last])
                for (int seed = int.Parse(first, CultureInfo.InvariantCulture); seed <= int.Parse(last, CultureInfo.InvariantCulture); seed++)
                    data.Add(seed, 1);
            else
                data.Add(20, 6); // with the power failing after a piece was acknowledged
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task The_story_completes_and_what_was_acknowledged_is_there(int seed, int every)
    {
        await using var house = await House.StartAsync();
        try
        {
            var story = new FaultStory(house, TimeSpan.FromSeconds(every == 1 ? 150 : 75));
            await story.PrepareAsync();
            await using var driver = FaultDriver.Arm(house, seed, every);
            await story.TellAsync();
            output.WriteLine($"seed {seed}: killed at {driver.Reached.Count} points, {house.Restarts} restarts; not come to: {string.Join(", ", driver.Left)}");
            Assert.True(driver.Reached.Count >= (every == 1 ? 8 : 4), $"only {string.Join(", ", driver.Reached)}");
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Assert.Fail($"seed {seed}: {e}\n{house.Log}");
        }
        Assert.DoesNotContain("Acknowledged bytes", house.Said, StringComparison.Ordinal);
        // In the end everything stops as it should, nothing is left running, and nothing half-written lies about.
        Assert.All(await house.StopAsync(), s => Assert.Equal((s.Name, 0), s));
        Assert.Empty(Processes.Naming(house.Data));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(house.Data, "blobs", "tmp")));
    }
}
