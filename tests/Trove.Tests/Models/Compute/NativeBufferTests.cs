using System.Runtime.InteropServices;
using Trove.Models.Compute;

namespace Trove.Tests.Models.Compute;

public unsafe partial class NativeBufferTests
{
    private const int Page = 4096;

    [Theory]
    [InlineData(0, 3_000_000)]
    [InlineData(1, 2_999_998)]
    [InlineData(600_000, 1_200_000)] // one whole page of 2 MiB and pieces of its neighbours
    [InlineData(524_288, 1_048_576)] // whole pages alone
    [InlineData(100, 1000)] // no whole page
    [InlineData(3_000_000, 0)]
    public void What_is_released_is_zero_and_held_no_more_and_the_rest_stays(long start, long length)
    {
        using var buffer = new NativeBuffer<float>(3_000_000);
        new Span<float>(buffer.Pointer, 3_000_000).Fill(7);
        long before = Resident((byte*)buffer.Pointer, 12_000_000);
        buffer.Release(start, length);
        long whole = Math.Max(0, ((long)(buffer.Pointer + start + length) & -(2 << 20)) - ((long)(buffer.Pointer + start) + (2 << 20) - 1 & -(2 << 20)));
        Assert.InRange(before - Resident((byte*)buffer.Pointer, 12_000_000), whole, length * sizeof(float)); // the check itself touches nothing
        for (long i = 0; i < 3_000_000; i++)
            if (buffer.Pointer[i] != (i >= start && i < start + length ? 0 : 7))
                Assert.Fail($"{i}: {buffer.Pointer[i]}");
    }

    [Fact]
    public void Nothing_outside_is_released()
    {
        using var buffer = new NativeBuffer<float>(1000);
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.Release(1, 1000));
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.Release(-1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.Release(0, -1));
    }

    /// <summary>Bytes that are in memory between two pages' beginnings.</summary>
    internal static long Resident(byte* from, long bytes)
    {
        byte* first = (byte*)((long)from & -Page);
        var pages = new byte[(from + bytes - first + Page - 1) / Page];
        fixed (byte* answer = pages)
            Assert.Equal(0, mincore(first, (nuint)(pages.LongLength * Page), answer));
        return pages.LongCount(p => (p & 1) != 0) * Page;
    }

    [LibraryImport("libc")]
    private static partial int mincore(byte* address, nuint length, byte* pages);
}
