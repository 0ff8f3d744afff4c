using System.Numerics;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Trove.Chain.Abi;
using Trove.Core;

namespace Trove.Tests.Chain;

public class AbiTests
{
    [Fact]
    public void Encodes_and_decodes_as_ethers_and_cast_do()
    {
        var cases = Vectors.Read("abi").GetProperty("encoded").EnumerateArray().ToArray();
        Assert.True(cases.Length >= 100);
        foreach (var vector in cases)
        {
            var type = AbiType.Parse(vector.Text("type"));
            var data = Hex.Decode(vector.Text("encoded"));
            var values = (object[])Value(type, vector.GetProperty("values"));
            Assert.Equal(vector.Text("encoded"), Hex.Encode(AbiCodec.Encode(type, values)));
            Assert.True(Same(values, AbiCodec.Decode(type, data)), vector.Text("type"));
        }
    }

    public static TheoryData<string> RefusedNames() => [.. Vectors.Read("abi").GetProperty("refused").EnumerateArray().Select(v => v.Text("name"))];

    [Theory]
    [MemberData(nameof(RefusedNames))]
    public void Refuses(string name)
    {
        var vector = Vectors.Read("abi").GetProperty("refused").EnumerateArray().Single(v => v.Text("name") == name);
        Assert.Throws<AbiException>(() => AbiCodec.Decode(AbiType.Parse(vector.Text("type")), Hex.Decode(vector.Text("data"))));
    }

    [Fact]
    public void Refuses_names_that_are_no_types_or_beyond_the_limits()
    {
        foreach (var name in Vectors.Read("abi").GetProperty("refusedTypes").EnumerateArray().Select(v => v.GetString()!))
            Assert.Throws<AbiException>(() => AbiType.Parse(name));
    }

    [Fact]
    public void Every_mutation_is_refused_or_is_the_encoding_of_another_value()
    {
        var random = new Random(1);
        int refused = 0, other = 0;
        foreach (var vector in Vectors.Read("abi").GetProperty("encoded").EnumerateArray())
        {
            var type = AbiType.Parse(vector.Text("type"));
            var data = Hex.Decode(vector.Text("encoded"));
            for (int i = 0; i < 40 && data.Length > 0; i++)
            {
                var mutant = data.ToArray();
                mutant[random.Next(mutant.Length)] ^= (byte)(1 << random.Next(8));
                if (i % 8 == 0)
                    mutant = mutant[..random.Next(mutant.Length)];
                try
                {
                    Assert.Equal(mutant, AbiCodec.Encode(type, AbiCodec.Decode(type, mutant))); // accepted: then canonical
                    other++;
                }
                catch (AbiException)
                {
                    refused++;
                }
            }
        }
        Assert.True(refused > 1000 && other > 100, $"{refused} refused, {other} others");
    }

    [Fact]
    public void Integers_of_every_width_come_back_and_out_of_range_is_refused() => Prop.ForAll(
        Gen.Choose(1, 32).SelectMany(bytes => Gen.Choose(0, 255).ArrayOf(bytes).Select(a => (bytes, a))).ToArbitrary(), input =>
        {
            var (bytes, raw) = input;
            var magnitude = new BigInteger([.. raw.Select(b => (byte)b)], isUnsigned: true, isBigEndian: true);
            foreach (var type in new[] { AbiType.Parse($"(uint{8 * bytes})"), AbiType.Parse($"(int{8 * bytes})") })
            {
                bool signed = type.Components[0].Kind == AbiKind.Int;
                var top = BigInteger.One << (8 * bytes - (signed ? 1 : 0));
                var number = signed ? magnitude - top : magnitude;
                var back = AbiCodec.Decode(type, AbiCodec.Encode(type, [number]))[0];
                if (BigInteger.Parse(back.ToString()!, System.Globalization.CultureInfo.InvariantCulture) != number)
                    return false;
                Assert.Throws<AbiException>(() => AbiCodec.Encode(type, [top]));
            }
            return true;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Values_of_another_type_are_refused_by_name()
    {
        Assert.Contains("address", Assert.Throws<AbiException>(() => AbiCodec.Encode(AbiType.Parse("(address)"), ["0x00"])).Message);
        Assert.Contains("bytes4", Assert.Throws<AbiException>(() => AbiCodec.Encode(AbiType.Parse("(bytes4)"), [new byte[3]])).Message);
        Assert.Contains("2 elements", Assert.Throws<AbiException>(() => AbiCodec.Encode(AbiType.Parse("(bool[2])"), [new object[] { true }])).Message);
        Assert.Contains("1 values", Assert.Throws<AbiException>(() => AbiCodec.Encode(AbiType.Parse("(bool)"), [])).Message);
        Assert.Throws<AbiException>(() => AbiCodec.Encode(AbiType.Parse("(string)"), ["\ud800"]));
    }

    [Theory]
    [InlineData("uint8", typeof(byte))]
    [InlineData("uint16", typeof(ushort))]
    [InlineData("uint24", typeof(uint))]
    [InlineData("uint64", typeof(ulong))]
    [InlineData("uint128", typeof(UInt128))]
    [InlineData("uint136", typeof(BigInteger))]
    [InlineData("int8", typeof(sbyte))]
    [InlineData("int16", typeof(short))]
    [InlineData("int32", typeof(int))]
    [InlineData("int40", typeof(long))]
    [InlineData("int128", typeof(Int128))]
    [InlineData("int256", typeof(BigInteger))]
    [InlineData("bytes32", typeof(Hash32))]
    [InlineData("address", typeof(Address))]
    public void A_decoded_value_has_the_type_that_is_promised(string name, Type type) =>
        Assert.IsType(type, AbiCodec.Decode(AbiType.Parse($"({name})"), new byte[32])[0]);

    [Fact]
    public void Selector_of_transfer() => Assert.Equal("a9059cbb", Convert.ToHexStringLower(AbiCodec.Selector("transfer(address,uint256)")));

    private static object Value(AbiType type, JsonElement json) => type.Kind switch
    {
        AbiKind.Bool => json.GetBoolean(),
        AbiKind.Address => new Address(Hex.Decode(json.GetString()!)),
        AbiKind.FixedBytes when type.Size == 32 => Hash32.Parse(json.GetString()!),
        AbiKind.FixedBytes or AbiKind.Bytes => Hex.Decode(json.GetString()!),
        AbiKind.String => json.GetString()!,
        AbiKind.Array => json.EnumerateArray().Select(e => Value(type.Element!, e)).ToArray(),
        AbiKind.Tuple => json.EnumerateArray().Zip(type.Components).Select(p => Value(p.Second, p.First)).ToArray(),
        _ => BigInteger.Parse(json.GetString()!, System.Globalization.CultureInfo.InvariantCulture),
    };

    private static bool Same(object expected, object actual) => (expected, actual) switch
    {
        (BigInteger number, _) => number.ToString() == actual.ToString(),
        (byte[] a, byte[] b) => a.AsSpan().SequenceEqual(b),
        (object[] a, object[] b) => a.Length == b.Length && a.Zip(b).All(p => Same(p.First, p.Second)),
        _ => expected.Equals(actual),
    };
}
