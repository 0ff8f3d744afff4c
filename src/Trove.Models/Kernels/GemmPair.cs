using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Trove.Models.Kernels;

/// <summary>Two neighbouring vectors of one row of C, and the shape of the tiles that the registers of this width can hold.</summary>
internal unsafe interface IGemmPair<TSelf> where TSelf : struct, IGemmPair<TSelf>
{
    /// <summary>Floats in the pair: columns of one micro-panel of B.</summary>
    static abstract int Width { get; }

    /// <summary>Rows of the tallest tile. There are kernels of this height, of two thirds and of one third of it.</summary>
    static abstract int Height { get; }

    static abstract TSelf Load(float* from);

    static abstract void Store(float* to, TSelf pair);

    /// <summary>One step of the chains: sum + a·b, rounded once.</summary>
    static abstract TSelf MultiplyAdd(float* a, TSelf b, TSelf sum);
}

internal readonly unsafe struct Pair512(Vector512<float> left, Vector512<float> right) : IGemmPair<Pair512>
{
    private readonly Vector512<float> _left = left, _right = right;

    public static int Width => 32;

    public static int Height => 12;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair512 Load(float* from) => new(Vector512.Load(from), Vector512.Load(from + 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* to, Pair512 pair)
    {
        pair._left.Store(to);
        pair._right.Store(to + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair512 MultiplyAdd(float* a, Pair512 b, Pair512 sum)
    {
        var factor = Vector512.Create(*a);
        return new(Vector512.FusedMultiplyAdd(factor, b._left, sum._left), Vector512.FusedMultiplyAdd(factor, b._right, sum._right));
    }
}

internal readonly unsafe struct Pair256(Vector256<float> left, Vector256<float> right) : IGemmPair<Pair256>
{
    private readonly Vector256<float> _left = left, _right = right;

    public static int Width => 16;

    public static int Height => 6;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair256 Load(float* from) => new(Vector256.Load(from), Vector256.Load(from + 8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* to, Pair256 pair)
    {
        pair._left.Store(to);
        pair._right.Store(to + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair256 MultiplyAdd(float* a, Pair256 b, Pair256 sum)
    {
        var factor = Vector256.Create(*a);
        return new(Vector256.FusedMultiplyAdd(factor, b._left, sum._left), Vector256.FusedMultiplyAdd(factor, b._right, sum._right));
    }
}
