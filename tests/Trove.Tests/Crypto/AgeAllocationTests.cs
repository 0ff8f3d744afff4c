using Trove.Crypto;

namespace Trove.Tests.Crypto;

[CollectionDefinition(nameof(CountsAllocations), DisableParallelization = true)]
public class CountsAllocations;

/// <summary>The hot path allocates nothing per chunk: one work item per batch of eight chunks, and buffers come from the pool.</summary>
[Collection(nameof(CountsAllocations))]
public class AgeAllocationTests
{
    private const int MiB = 1024 * 1024, BytesPerMiB = 2048;

    [Fact]
    public async Task Encrypting_and_decrypting_allocate_little_per_MiB()
    {
        using var identity = X25519Identity.Generate();
        Task<long> Encrypt(int size) => Allocated(() => AgeFile.EncryptAsync(new ZeroStream((long)size * MiB), Stream.Null, [identity.Recipient]));
        await Encrypt(8);
        Assert.InRange(await Encrypt(72) - await Encrypt(8), 0, 64 * BytesPerMiB);

        var file = new MemoryStream();
        await AgeFile.EncryptAsync(new ZeroStream(72L * MiB), file, [identity.Recipient]);
        Task<long> Decrypt() => Allocated(() => AgeFile.DecryptAsync(new MemoryStream(file.GetBuffer(), 0, (int)file.Length), Stream.Null, [identity]));
        await Decrypt();
        Assert.InRange(await Decrypt(), 0, 72 * BytesPerMiB);
    }

    private static async Task<long> Allocated(Func<Task> work)
    {
        long before = GC.GetTotalAllocatedBytes(precise: true);
        await work();
        return GC.GetTotalAllocatedBytes(precise: true) - before;
    }
}
