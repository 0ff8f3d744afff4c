using FsCheck;
using FsCheck.Fluent;
using Trove.Core.Payouts;

namespace Trove.Tests.Core;

public class SplitTests
{
    [Fact]
    public void Parts_sum_to_the_whole_and_are_fair_to_one_unit() => Prop.ForAll(ArbMap.Default.ArbFor<ulong>(), ArbMap.Default.ArbFor<NonEmptyArray<uint>>(), (total, weights) =>
    {
        var w = weights.Get.Select(x => (UInt128)x).ToArray();
        UInt128 sum = w.Aggregate((UInt128)0, (a, b) => a + b);
        if (sum == 0)
            return true;
        var parts = Split.InProportion(total, w);
        for (int i = 0; i < w.Length; i++)
        {
            UInt128 exact = total * w[i] / sum;
            if (parts[i] < exact || parts[i] > exact + 1 || (w[i] == 0 && parts[i] > 0))
                return false;
        }
        return parts.Aggregate((UInt128)0, (a, b) => a + b) == total;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Something_to_divide_among_nobody_is_refused() =>
        Assert.Throws<ArgumentException>(() => Split.InProportion(1, [0, 0]));
}
