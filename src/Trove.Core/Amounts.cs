using System.Globalization;

namespace Trove.Core;

/// <summary>Atomic units of a payment token with 6 decimals (1 dollar = 1,000,000). Checked arithmetic; never negative.</summary>
public readonly record struct Money(UInt128 Units) : IComparable<Money>
{
    /// <summary>Decimals of the payment token (USDC's).</summary>
    public const int Decimals = 6;

    /// <summary>Parses a plain decimal such as <c>12.5</c>.</summary>
    public static bool TryParse(string text, out Money money)
    {
        bool ok = Fixed.TryParse(text, Decimals, out var units);
        money = new Money(units);
        return ok;
    }

    public static Money operator +(Money left, Money right) => new(checked(left.Units + right.Units));
    public static Money operator -(Money left, Money right) => new(checked(left.Units - right.Units));

    /// <inheritdoc/>
    public int CompareTo(Money other) => Units.CompareTo(other.Units);

    /// <summary>All significant decimals, at least two: <c>1234.50</c>.</summary>
    public override string ToString() => Fixed.Format(Units, Decimals, 2);
}

/// <summary>Shares of an asset in units of 10^-18. Checked arithmetic; never negative.</summary>
public readonly record struct Shares(UInt128 Units) : IComparable<Shares>
{
    /// <summary>Decimals of every share token.</summary>
    public const int Decimals = 18;

    /// <summary>One whole share in units.</summary>
    public static readonly UInt128 One = 1_000_000_000_000_000_000;

    /// <summary>Parses a plain decimal such as <c>0.25</c>.</summary>
    public static bool TryParse(string text, out Shares shares)
    {
        bool ok = Fixed.TryParse(text, Decimals, out var units);
        shares = new Shares(units);
        return ok;
    }

    public static Shares operator +(Shares left, Shares right) => new(checked(left.Units + right.Units));
    public static Shares operator -(Shares left, Shares right) => new(checked(left.Units - right.Units));

    /// <inheritdoc/>
    public int CompareTo(Shares other) => Units.CompareTo(other.Units);

    /// <summary>All significant decimals: <c>1843.5</c>.</summary>
    public override string ToString() => Fixed.Format(Units, Decimals, 0);
}

/// <summary>Decimal text of integer units, without floating point.</summary>
internal static class Fixed
{
    public static bool TryParse(string text, int decimals, out UInt128 units)
    {
        units = 0;
        int dot = text.IndexOf('.');
        var whole = dot < 0 ? text : text[..dot];
        var fraction = dot < 0 ? "" : text[(dot + 1)..];
        if (whole.Length is 0 or > 20 || fraction.Length > decimals || (dot >= 0 && fraction.Length == 0)
            || !whole.All(char.IsAsciiDigit) || !fraction.All(char.IsAsciiDigit))
            return false;
        return UInt128.TryParse(whole + fraction.PadRight(decimals, '0'), NumberStyles.None, CultureInfo.InvariantCulture, out units);
    }

    public static string Format(UInt128 units, int decimals, int least)
    {
        var digits = units.ToString(CultureInfo.InvariantCulture).PadLeft(decimals + 1, '0');
        var fraction = digits[^decimals..].TrimEnd('0').PadRight(least, '0');
        return fraction.Length == 0 ? digits[..^decimals] : $"{digits[..^decimals]}.{fraction}";
    }
}
