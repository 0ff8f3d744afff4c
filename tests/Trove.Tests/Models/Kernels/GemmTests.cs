using Trove.Models.Compute;
using Trove.Models.Kernels;

namespace Trove.Tests.Models.Kernels;

public class GemmTests
{
    public static TheoryData<int> Threads => [1, 2, 3, 8];

    [Theory]
    [MemberData(nameof(Threads))]
    public void Every_shape_kind_stride_and_start_gives_the_bits_of_the_plain_loop(int threads)
    {
        using var pool = new WorkPool(threads);
        var numbers = new GemmCase.Numbers((ulong)threads);
        for (int i = 0; i < 300; i++)
            Check(pool, new GemmCase(numbers, (GemmKind)numbers.Below(3), 1 + numbers.Below(70), 1 + numbers.Below(100), numbers.Below(60), (GemmCase.Start)numbers.Below(4)));
    }

    // More than one block of k (384), of columns, and of rows for each thread; the last block of each with a remainder.
    [Theory]
    [InlineData(GemmKind.NN, 61, 1201, 389)]
    [InlineData(GemmKind.NT, 61, 1201, 389)]
    [InlineData(GemmKind.TN, 61, 1201, 389)]
    [InlineData(GemmKind.NN, 300, 35, 1100)]
    [InlineData(GemmKind.NT, 300, 35, 1100)]
    [InlineData(GemmKind.TN, 300, 35, 1100)]
    [InlineData(GemmKind.NN, 5, 130, 700)]
    [InlineData(GemmKind.NT, 5, 130, 700)]
    [InlineData(GemmKind.TN, 5, 130, 700)]
    public void Blocks_continue_the_chains_of_the_blocks_before(GemmKind kind, int m, int n, int k)
    {
        using var pool = new WorkPool(2);
        var numbers = new GemmCase.Numbers(7);
        foreach (var start in Enum.GetValues<GemmCase.Start>())
            Check(pool, new GemmCase(numbers, kind, m, n, k, start));
    }

    [Theory]
    [InlineData(GemmKind.NN)]
    [InlineData(GemmKind.NT)]
    public void A_row_is_the_same_alone_and_in_a_batch(GemmKind kind)
    {
        using var pool = new WorkPool(2);
        var numbers = new GemmCase.Numbers(11);
        foreach (var start in (GemmCase.Start[])[GemmCase.Start.Zero, GemmCase.Start.C])
        {
            var whole = new GemmCase(numbers, kind, 96, 75, 430, start);
            var all = whole.Run(pool);
            for (int rows = 1; rows < 40; rows++)
            {
                var some = whole.RunRows(pool, rows);
                Assert.True(GemmCase.SameBits(some, all.AsSpan(0, some.Length)), $"{kind} from {start}: {rows} rows differ from the same rows among 96");
            }
        }
    }

    [Fact]
    public unsafe void Sizes_and_strides_that_contradict_each_other_are_refused()
    {
        using var pool = new WorkPool(1);
        void Refused(GemmKind kind, int m, int n, int k, int lda, int ldb, int ldc, int ldStart = 0) =>
            Assert.Throws<ArgumentOutOfRangeException>(() => Gemm.RunFrom(pool, kind, m, n, k, null, lda, null, ldb, null, ldStart, null, ldc));
        Refused(GemmKind.NN, -1, 1, 1, 1, 1, 1);
        Refused(GemmKind.NN, 1, -1, 1, 1, 1, 1);
        Refused(GemmKind.NN, 1, 1, -1, 1, 1, 1);
        Refused(GemmKind.NN, 2, 3, 4, 3, 3, 3);
        Refused(GemmKind.NN, 2, 3, 4, 4, 2, 3);
        Refused(GemmKind.NN, 2, 3, 4, 4, 3, 2);
        Refused(GemmKind.NT, 2, 3, 4, 4, 3, 3);
        Refused(GemmKind.TN, 2, 3, 4, 1, 3, 3);
        Refused(GemmKind.NN, 2, 3, 4, 4, 3, 3, ldStart: 2);
        Refused((GemmKind)3, 2, 3, 4, 4, 4, 3);
        Gemm.Run(pool, GemmKind.NN, 0, 3, 4, null, 4, null, 3, null, 3);
        Gemm.Run(pool, GemmKind.NN, 2, 0, 4, null, 4, null, 3, null, 3);
    }

    private static void Check(WorkPool pool, GemmCase product) =>
        Assert.True(GemmCase.SameBits(product.Expected(), product.Run(pool)), $"{product} on {pool.Threads} threads");
}

[Collection(nameof(MeasuresMemory))]
public class GemmAllocationTests
{
    [Fact]
    public unsafe void Products_allocate_nothing_in_a_steady_state()
    {
        using var pool = new WorkPool(2);
        using var buffer = new NativeBuffer<float>(3 * 200 * 200);
        float* a = buffer.Pointer, b = a + 200 * 200, c = b + 200 * 200;
        using var weights = QuantizedGemmMatrix.Quantize(pool, b, 200, 192);
        long least = long.MaxValue;
        for (int attempt = 0; attempt < 8; attempt++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int i = 0; i < 200; i++)
            {
                foreach (var kind in (ReadOnlySpan<GemmKind>)[GemmKind.NN, GemmKind.NT, GemmKind.TN])
                    foreach (int m in (ReadOnlySpan<int>)[1, 17, 200])
                        Gemm.Run(pool, kind, m, 200, 200, a, 200, b, 200, c, 200);
                QuantizedGemm.Run(pool, 50, a, 192, weights, null, 0, c, 200);
            }
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        Assert.InRange(least, 0, 2000); // 2,000 products: whatever else the process does, nothing for each
    }
}
