using Trove.Models.Kernels;

namespace Trove.Models.Optimizers;

/// <summary>The learning rate of a step as a share of its peak.</summary>
public static class Schedule
{
    /// <summary>Linear from 1/<paramref name="warmUp"/> to 1.</summary>
    /// <param name="step">From 0.</param>
    public static double WarmUp(long step, long warmUp) => step < warmUp ? (step + 1.0) / warmUp : 1;

    /// <summary>Warm-up, then half a cosine from 1 to <paramref name="floor"/> at step <paramref name="total"/>, which it keeps (Loshchilov and Hutter, arXiv 1608.03983).</summary>
    public static double Cosine(long step, long warmUp, long total, double floor = 0.1)
    {
        if (step < warmUp)
            return WarmUp(step, warmUp);
        double progress = step >= total ? 1 : (step - warmUp) / (double)(total - warmUp);
        return floor + (1 - floor) * 0.5 * (1 + DoubleMath.SinCos(Math.PI * progress).Cos);
    }

    /// <summary>Warm-up, a stable rate of 1, and over the last <paramref name="decay"/> steps linear to <paramref name="floor"/> (Hägele et al., arXiv 2405.18392).</summary>
    public static double WarmUpStableDecay(long step, long warmUp, long total, long decay, double floor = 0)
    {
        if (step < total - decay)
            return WarmUp(step, warmUp);
        double left = step >= total ? 0 : (total - step) / (double)decay;
        return floor + (1 - floor) * left * WarmUp(step, warmUp);
    }
}
