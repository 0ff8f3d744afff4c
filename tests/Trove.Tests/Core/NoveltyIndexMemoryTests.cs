using Trove.Core.Rewards;

namespace Trove.Tests.Core;

[Collection(nameof(MeasuresMemory))]
public class NoveltyIndexMemoryTests
{
    /// <summary>An epoch in memory is seen through an index that grows hash by hash: it takes what its hashes have, not what sets of them would take.</summary>
    [Fact]
    public void An_index_that_grows_hash_by_hash_settles_by_itself()
    {
        const int many = 3_000_000;
        Assert.InRange(MeasuresMemory.Live(() =>
        {
            var (index, chance) = (new NoveltyIndex(), new Random(1));
            for (int i = 0; i < many; i++)
                index.AddFingerprint((ulong)chance.NextInt64(1L << RecordTags.FingerprintBits));
            Assert.Equal(many, index.Fingerprints);
            chance = new Random(1);
            for (int i = 0; i < many; i++)
                Assert.True(index.HasFingerprint((ulong)chance.NextInt64(1L << RecordTags.FingerprintBits)));
            return index;
        }), many * 4, many * 16);
    }
}
