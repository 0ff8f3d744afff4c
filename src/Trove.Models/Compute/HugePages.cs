using System.Runtime.InteropServices;

namespace Trove.Models.Compute;

/// <summary>
/// Large memory straight from Linux, in pages of 2 MiB where it has them: the rows of a matrix are often a small page apart, and the processor looks up few of those at once.
/// Reading weights once, as decoding does, went from 20 to 32 GB/s a core (Zen 4). The pages are zero, and cost nothing until they are touched.
/// </summary>
internal static unsafe partial class HugePages
{
    /// <summary>Bytes of a page.</summary>
    public const nuint Size = 2 << 20;

    private const int ReadWrite = 3, PrivateAnonymous = 0x22, Advice = 14, NotNeeded = 4; // PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, MADV_HUGEPAGE, MADV_DONTNEED

    /// <summary>Zeros, at a multiple of <see cref="Size"/>.</summary>
    /// <exception cref="OutOfMemoryException">The system has no such piece.</exception>
    /// <exception cref="OverflowException">More bytes than an address can name.</exception>
    public static void* Map(nuint bytes)
    {
        nuint whole = Whole(bytes);
        byte* start = (byte*)mmap(0, checked(whole + Size), ReadWrite, PrivateAnonymous, -1, 0);
        if (start == (byte*)-1)
            throw new OutOfMemoryException($"the system has no {bytes:N0} bytes of memory left");
        nuint before = (Size - (nuint)start % Size) % Size;
        byte* aligned = start + before;
        if (before > 0)
            _ = munmap(start, before);
        if (before < Size)
            _ = munmap(aligned + whole, Size - before);
        _ = madvise(aligned, whole, Advice); // a wish; where it cannot be had, nothing changes
        return aligned;
    }

    /// <summary>Gives back what <see cref="Map"/> gave.</summary>
    public static void Unmap(void* start, nuint bytes) => _ = munmap(start, Whole(bytes));

    /// <summary>Gives pages back until they are touched again: they are zero then.</summary>
    /// <param name="first">A multiple of <see cref="Size"/> within what <see cref="Map"/> gave.</param>
    /// <param name="end">Another.</param>
    /// <returns>False: the system kept them, and what is in them.</returns>
    public static bool Release(byte* first, byte* end) => madvise(first, (nuint)(end - first), NotNeeded) == 0;

    private static nuint Whole(nuint bytes) => checked(bytes + Size - 1) / Size * Size;

    [LibraryImport("libc")]
    private static partial nint mmap(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc")]
    private static partial int munmap(void* address, nuint length);

    [LibraryImport("libc")]
    private static partial int madvise(void* start, nuint length, int advice);
}
