namespace Trove.Models.Kernels;

/// <summary>
/// Random numbers by key and index, so that any element can be drawn by anyone in any order: the output function of
/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) at its i-th state. Normals come from the inverse distribution function
/// of Wichura (AS 241, Applied Statistics 37, 1988) in plain IEEE doubles. specs/engine.md has the definition and vectors.
/// </summary>
public readonly struct CounterRandom
{
    private const ulong Step = 0x9E3779B97F4A7C15;

    private readonly ulong _key;

    /// <summary>An independent stream.</summary>
    /// <param name="seed">Of the whole run.</param>
    /// <param name="stream">Which of its streams, such as a tensor's index.</param>
    public CounterRandom(ulong seed, ulong stream) => _key = Mix(Mix(seed + Step) + (stream + 1) * Step);

    /// <summary>64 random bits.</summary>
    public ulong Bits(ulong index) => Mix(_key + (index + 1) * Step);

    /// <summary>A number in (0, 1), the middle of one of 2⁵² equal parts: never 0 nor 1.</summary>
    public double Uniform(ulong index) => ((Bits(index) >> 12) + 0.5) * (1.0 / (1L << 52));

    /// <summary>A number of the standard normal distribution, |z| &lt; 8.3.</summary>
    public double Normal(ulong index) => Quantile(Uniform(index));

    private static ulong Mix(ulong z)
    {
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 27) * 0x94D049BB133111EB;
        return z ^ z >> 31;
    }

    private static double Quantile(double p)
    {
        double q = p - 0.5;
        if (Math.Abs(q) <= 0.425)
        {
            double central = 0.180625 - q * q;
            return q * Ratio(central,
                [3.3871328727963666080, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3],
                [1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3, 2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3]);
        }
        double r = Math.Sqrt(-DoubleMath.Log(q < 0 ? p : 1 - p));
        double tail = r <= 5
            ? Ratio(r - 1.6,
                [1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550, 3.64784832476320460504, 1.27045825245236838258, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4],
                [1.0, 2.05319162663775882187, 1.67638483018380384940, 6.89767334985100004550e-1, 1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9])
            : Ratio(r - 5,
                [6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580, 2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7],
                [1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2, 7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15]);
        return q < 0 ? -tail : tail;
    }

    private static double Ratio(double r, ReadOnlySpan<double> numerator, ReadOnlySpan<double> denominator)
    {
        double over = numerator[7], under = denominator[7];
        for (int i = 6; i >= 0; i--)
            (over, under) = (over * r + numerator[i], under * r + denominator[i]);
        return over / under;
    }
}
