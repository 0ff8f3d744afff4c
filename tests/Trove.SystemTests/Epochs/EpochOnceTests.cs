using Trove.Node.Api;
using Trove.Node.Verification;

namespace Trove.SystemTests.Epochs;

/// <summary>A founder asks twice to close an epoch; both find that it is the one to close before either has closed it.</summary>
public sealed class EpochOnceTests(PostgresFixture postgres)
{
    [Fact]
    public async Task An_epoch_that_was_closed_meanwhile_is_not_closed_again()
    {
        await using var database = await postgres.OpenAsync();
        var asset = new EpochHistory(database, 1);
        await asset.FoundAsync();
        await asset.ContributeAsync(new Random(1), 2, 3, 50);
        await asset.CloseAsync();
        var again = await Assert.ThrowsAsync<ApiException>(() => database.TransactAsync(tx => VerificationStore.InsertEpochAsync(tx, asset.Asset, asset.Closed[0], 1), default));
        Assert.Equal((409, "epoch-open"), (again.Status, again.Code));
    }
}
