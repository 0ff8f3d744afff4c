using System.Collections;
using System.Collections.Concurrent;
using System.Reflection;

namespace Trove.Tests.Fuzz;

/// <summary>
/// What an observation looks like, coarsely: the sign that an input is new and worth to go on from, in place of branch coverage.
/// Refusals by type and the words of their message, values by types, names and orders of magnitude, to a small depth.
/// </summary>
internal static class Shape
{
    private const int MaxDepth = 4, MaxNodes = 64, MessageLength = 56;

    private static readonly ConcurrentDictionary<Type, PropertyInfo[]> Properties = new();

    public static int Of(object? observation)
    {
        var hash = new HashCode();
        int nodes = 0;
        if (observation is Exception refusal)
            AddRefusal(ref hash, refusal);
        else
            Add(ref hash, observation, 0, ref nodes);
        return hash.ToHashCode();
    }

    private static void AddRefusal(ref HashCode hash, Exception e)
    {
        hash.Add(e.GetType());
        int words = 0;
        bool quoted = false;
        foreach (char c in e.Message)
        {
            quoted ^= c is '\'' or '"';
            if (!quoted && c is >= 'a' and <= 'z' && words++ < MessageLength)
                hash.Add(c);
        }
        if (e.InnerException is { } inner)
            AddRefusal(ref hash, inner);
    }

    private static void Add(ref HashCode hash, object? value, int depth, ref int nodes)
    {
        if (nodes++ > MaxNodes)
            return;
        switch (value)
        {
            case null:
                hash.Add(0);
                return;
            case bool or Enum:
                hash.Add(value);
                return;
            case string text:
                hash.Add(Magnitude(text.Length));
                return;
            case byte[] bytes:
                hash.Add(Magnitude(bytes.Length));
                return;
            case IConvertible number:
                hash.Add(Magnitude(number.ToDouble(null)));
                return;
        }
        var type = value.GetType();
        hash.Add(type);
        if (depth == MaxDepth)
            return;
        if (value is IEnumerable items and not IDictionary)
        {
            int count = 0;
            foreach (var item in items)
                if (count++ < 8)
                    Add(ref hash, item, depth + 1, ref nodes);
                else if (count > 256)
                    break;
            hash.Add(count < 8 ? count : Magnitude(count));
            return;
        }
        // Members of our own records and of tuples; other types' members say little and may do much.
        if (type.Namespace?.StartsWith("Trove", StringComparison.Ordinal) == true && !type.IsValueType)
            foreach (var property in Properties.GetOrAdd(type, t => [.. t.GetProperties().Where(p => p.GetIndexParameters().Length == 0)]))
                Add(ref hash, Try(property, value), depth + 1, ref nodes);
        else if (value is System.Runtime.CompilerServices.ITuple tuple)
            for (int i = 0; i < tuple.Length; i++)
                Add(ref hash, tuple[i], depth + 1, ref nodes);
    }

    private static object? Try(PropertyInfo property, object value)
    {
        try
        {
            return property.GetValue(value);
        }
        catch (TargetInvocationException)
        {
            return null; // a member that this value has not
        }
    }

    private static int Magnitude(double value) => value == 0 ? 0 : Math.Sign(value) * (1 + (int)Math.Min(100, Math.Log2(Math.Abs(value))));
}
