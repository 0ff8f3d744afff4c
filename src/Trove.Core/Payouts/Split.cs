using System.Numerics;

namespace Trove.Core.Payouts;

/// <summary>Trove's one rule for dividing whole units: the largest-remainder method.</summary>
public static class Split
{
    /// <summary>
    /// Divides <paramref name="total"/> in proportion to <paramref name="weights"/>. The parts sum to the whole; each is
    /// within one unit of its exact share; left-over units go to the largest remainders, earlier parts first among equals.
    /// </summary>
    /// <exception cref="ArgumentException">All weights are zero while there is something to divide.</exception>
    public static UInt128[] InProportion(UInt128 total, IReadOnlyList<UInt128> weights)
    {
        var sum = weights.Aggregate(BigInteger.Zero, (s, w) => s + w);
        if (sum.IsZero)
            return total == 0 ? new UInt128[weights.Count] : throw new ArgumentException("nothing to divide in proportion to");
        var parts = new UInt128[weights.Count];
        var remainders = new BigInteger[weights.Count];
        UInt128 left = total;
        for (int i = 0; i < parts.Length; i++)
        {
            parts[i] = (UInt128)BigInteger.DivRem((BigInteger)total * weights[i], sum, out remainders[i]);
            left -= parts[i];
        }
        foreach (int i in Enumerable.Range(0, parts.Length).OrderByDescending(i => remainders[i]).ThenBy(i => i).Take((int)left))
            parts[i]++;
        return parts;
    }
}
