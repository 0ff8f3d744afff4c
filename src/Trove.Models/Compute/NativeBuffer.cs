using System.Runtime.InteropServices;

namespace Trove.Models.Compute;

/// <summary>Zeroed memory outside the managed heap, of one owner, who disposes it: no finalizer frees it under a pointer still in use. Aligned to 64 bytes, a vector and a cache line.</summary>
/// <typeparam name="T">The elements.</typeparam>
public sealed unsafe class NativeBuffer<T> : IDisposable where T : unmanaged
{
    private const nuint CacheLine = 64;

    private readonly nuint _bytes;
    private T* _pointer;

    /// <summary>Allocates.</summary>
    /// <param name="length">Elements; 0 is allowed.</param>
    /// <exception cref="ArgumentOutOfRangeException">Negative.</exception>
    /// <exception cref="OverflowException">More bytes than an address can name.</exception>
    /// <exception cref="OutOfMemoryException">The system has no such piece.</exception>
    public NativeBuffer(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        _bytes = checked((nuint)length * (nuint)sizeof(T));
        Length = length;
        if (_bytes >= HugePages.Size)
            _pointer = (T*)HugePages.Map(_bytes);
        else
        {
            _pointer = (T*)NativeMemory.AlignedAlloc(_bytes, CacheLine);
            NativeMemory.Clear(_pointer, _bytes);
        }
    }

    /// <summary>Elements.</summary>
    public long Length { get; }

    /// <summary>The first element.</summary>
    /// <exception cref="ObjectDisposedException">After <see cref="Dispose"/>.</exception>
    public T* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_pointer is null, this);
            return _pointer;
        }
    }

    /// <summary>A part, with bounds checked.</summary>
    /// <param name="start">First element.</param>
    /// <param name="length">How many.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part does not lie within the buffer.</exception>
    /// <exception cref="ObjectDisposedException">After <see cref="Dispose"/>.</exception>
    public Span<T> Slice(long start, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Length - length);
        return new Span<T>(Pointer + start, length);
    }

    /// <summary>Sets a part to zero. Whole pages of it go back to the system until they are touched again, so this costs where they are used next.</summary>
    /// <param name="start">First element.</param>
    /// <param name="length">How many.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part does not lie within the buffer.</exception>
    /// <exception cref="ObjectDisposedException">After <see cref="Dispose"/>.</exception>
    public void Release(long start, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Length - length);
        byte* from = (byte*)(Pointer + start), to = from + length * sizeof(T);
        byte* first = Aligned(from + HugePages.Size - 1), end = Aligned(to);
        if (first >= end || !HugePages.Release(first, end))
            first = end = to;
        NativeMemory.Clear(from, (nuint)(first - from));
        NativeMemory.Clear(end, (nuint)(to - end));

        static byte* Aligned(byte* address) => (byte*)((nuint)address / HugePages.Size * HugePages.Size);
    }

    /// <summary>Frees the memory; pointers and spans into it are invalid from then on.</summary>
    public void Dispose()
    {
        if (_bytes < HugePages.Size)
            NativeMemory.AlignedFree(_pointer);
        else if (_pointer is not null)
            HugePages.Unmap(_pointer, _bytes);
        _pointer = null;
    }
}
