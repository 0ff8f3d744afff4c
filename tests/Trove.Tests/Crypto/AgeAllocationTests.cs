using Trove.Crypto;

namespace Trove.Tests.Crypto;

/// <summary>The hot path allocates nothing per chunk: one work item per batch of eight chunks, and buffers come from the pool.</summary>
[Collection(nameof(MeasuresMemory))]
public class AgeAllocationTests
{
    private const int MiB = 1024 * 1024, BytesPerMiB = 2048;

    [Fact]
    public async Task Encrypting_and_decrypting_allocate_little_per_MiB()
    {
        using var identity = X25519Identity.Generate();
        Task<long> Encrypt(int size) => Allocated(() => AgeFile.EncryptAsync(new ZeroStream((long)size * MiB), Stream.Null, [identity.Recipient]));
        Assert.InRange(await Least(() => Encrypt(72)) - await Least(() => Encrypt(8)), 0, 64 * BytesPerMiB);

        var file = new MemoryStream();
        await AgeFile.EncryptAsync(new ZeroStream(72L * MiB), file, [identity.Recipient]);
        Task<long> Decrypt() => Allocated(() => AgeFile.DecryptAsync(new MemoryStream(file.GetBuffer(), 0, (int)file.Length), Stream.Null, [identity]));
        Assert.InRange(await Least(Decrypt), 0, 72 * BytesPerMiB);
    }

    // The shared pool makes a buffer anew when the one it has lies with another core: what the path itself needs is the least.
    private static async Task<long> Least(Func<Task<long>> measure)
    {
        long least = long.MaxValue;
        for (int i = 0; i < 8; i++)
            least = Math.Min(least, await measure());
        return least;
    }

    private static async Task<long> Allocated(Func<Task> work)
    {
        long before = GC.GetTotalAllocatedBytes(precise: true);
        await work();
        return GC.GetTotalAllocatedBytes(precise: true) - before;
    }
}
