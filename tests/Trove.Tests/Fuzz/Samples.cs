using System.Collections;
using Trove.Core;
using Trove.Node.Chain;

namespace Trove.Tests.Fuzz;

/// <summary>A document of any type, each field with a value of its kind.</summary>
internal static class Samples
{
    public static object Of(Type type) => Of(type, 0)!;

    private static object? Of(Type type, int depth)
    {
        if (Nullable.GetUnderlyingType(type) is { } inner)
            return Of(inner, depth);
        if (type == typeof(string))
            return "text";
        if (type == typeof(byte[]))
            return new byte[] { 1, 2, 3 };
        if (type == typeof(Hash32))
            return Keccak256.Hash("x"u8);
        if (type == typeof(Address))
            return new Address(Keccak256.Hash("x"u8).ToArray().AsSpan(12));
        if (type == typeof(Money))
            return new Money(5);
        if (type == typeof(Shares))
            return new Shares(7);
        if (type == typeof(UInt128Text))
            return new UInt128Text(9);
        if (type.IsEnum)
            return Enum.GetValues(type).GetValue(0);
        if (type.IsPrimitive)
            return type == typeof(bool) ? false : Convert.ChangeType(3, type, null);
        if (typeof(IEnumerable).IsAssignableFrom(type) && type.IsGenericType)
        {
            var element = type.GetGenericArguments()[0];
            var list = (IList)Activator.CreateInstance(typeof(List<>).MakeGenericType(element))!;
            if (depth < 4)
                list.Add(Of(element, depth + 1));
            return list;
        }
        var constructor = type.GetConstructors().OrderByDescending(c => c.GetParameters().Length).First();
        return depth > 5 ? null : constructor.Invoke([.. constructor.GetParameters().Select(p => Of(p.ParameterType, depth + 1))]);
    }
}
