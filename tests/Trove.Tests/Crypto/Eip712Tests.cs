using System.Globalization;
using System.Numerics;
using System.Text.Json.Nodes;
using Trove.Core;
using Trove.Crypto;

namespace Trove.Tests.Crypto;

public class Eip712Tests
{
    private static readonly JsonNode Vectors = Checkout.Vectors("eip712.json");

    public static TheoryData<string> Names() => [.. Vectors["vectors"]!.AsArray().Select(v => (string)v!["name"]!)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Hashes_and_signatures_equal_those_of_ethers(string name)
    {
        var vector = Vectors["vectors"]!.AsArray().Single(v => (string)v!["name"]! == name)!;
        var type = (string)vector["type"]!;
        var domain = vector["domain"]!;
        var separator = Eip712.DomainSeparator((string)domain["name"]!, (string)domain["version"]!,
            ulong.Parse((string)domain["chainId"]!, CultureInfo.InvariantCulture), Address.Parse((string)domain["verifyingContract"]!));
        Assert.Equal((string)vector["domainSeparator"]!, separator.ToString());

        var structHash = Build(type, vector["message"]!.AsObject()).Hash();
        Assert.Equal((string)vector["structHash"]!, structHash.ToString());

        var digest = Eip712.Digest(separator, structHash);
        Assert.Equal((string)vector["digest"]!, digest.ToString());

        using var key = SigningKey.FromBytes(Hex.Decode((string)Vectors["secret"]!));
        Assert.Equal((string)Vectors["address"]!, key.Address.ToString());
        Assert.Equal((string)vector["signature"]!, Hex.Encode(key.Sign(digest)));
        Assert.Equal(key.Address, Secp256k1.Recover(digest, Hex.Decode((string)vector["signature"]!)));
    }

    // The constants printed in the EIP itself, so that a wrong vector file cannot hide a wrong hash.
    [Fact]
    public void Mail_example_has_the_digest_printed_in_the_EIP()
    {
        var separator = Eip712.DomainSeparator("Ether Mail", "1", 1, Address.Parse("0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC"));
        Assert.Equal("0xf2cee375fa42b42143804025fc449deafd50cc031ca257e0b194a650a912090f", separator.ToString());
        const string person = "Person(string name,address wallet)";
        var mail = new Eip712Struct("Mail(Person from,Person to,string contents)" + person)
            .Struct(new Eip712Struct(person).String("Cow").Address(Address.Parse("0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826")))
            .Struct(new Eip712Struct(person).String("Bob").Address(Address.Parse("0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB")))
            .String("Hello, Bob!");
        Assert.Equal("0xc52c0ee5d84264471806290a3f2c4cecfc5490626bf912d01f240d7a274b371e", mail.Hash().ToString());
        Assert.Equal("0xbe609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2", Eip712.Digest(separator, mail.Hash()).ToString());
    }

    [Fact]
    public void WrongKind() =>
        Assert.Throws<ArgumentException>(() => new Eip712Struct("A(address owner)").Bytes32(default));

    [Fact]
    public void TooManyValues() =>
        Assert.Throws<ArgumentException>(() => new Eip712Struct("A(uint256 n)").Uint(1).Uint(2));

    [Fact]
    public void TooFewValues() =>
        Assert.Throws<InvalidOperationException>(() => new Eip712Struct("A(uint256 n,uint256 m)").Uint(1).Hash());

    [Fact]
    public void IntegerBeyondItsWidth() =>
        Assert.Throws<ArgumentException>(() => new Eip712Struct("A(uint64 n)").Uint((BigInteger)ulong.MaxValue + 1));

    [Fact]
    public void NegativeInteger() =>
        Assert.Throws<ArgumentException>(() => new Eip712Struct("A(uint256 n)").Uint(-1));

    [Fact]
    public void NestedStructOfAnotherLayout() =>
        Assert.Throws<ArgumentException>(() => new Eip712Struct("A(B b)B(uint256 n)").Struct(new Eip712Struct("B(uint8 n)").Uint(1)));

    [Theory]
    [InlineData("")]
    [InlineData("A")]
    [InlineData("(uint256 n)")]
    [InlineData("A(uint256)")]
    [InlineData("A(uint256 n,)")]
    [InlineData("A(uint256 n")]
    [InlineData("A(uint256  n)")]
    public void MalformedType(string type) => Assert.Throws<ArgumentException>(() => new Eip712Struct(type));

    private static Eip712Struct Build(string type, JsonObject message)
    {
        var builder = new Eip712Struct(type);
        foreach (var field in type[(type.IndexOf('(') + 1)..type.IndexOf(')')].Split(','))
        {
            string kind = field.Split(' ')[0];
            var value = message[field.Split(' ')[1]]!;
            _ = kind switch
            {
                "address" => builder.Address(Address.Parse((string)value!)),
                "bytes32" => builder.Bytes32(Hash32.Parse((string)value!)),
                "string" => builder.String((string)value!),
                "bytes" => builder.Bytes(Hex.Decode((string)value!)),
                "bool" => builder.Bool((bool)value),
                "address[]" => builder.Addresses(value.AsArray().Select(v => Address.Parse((string)v!))),
                "bytes32[]" => builder.Bytes32s(value.AsArray().Select(v => Hash32.Parse((string)v!))),
                _ when kind.StartsWith("uint", StringComparison.Ordinal) => builder.Uint(BigInteger.Parse((string)value!, CultureInfo.InvariantCulture)),
                _ => builder.Struct(Build(type[type.IndexOf(kind + "(", StringComparison.Ordinal)..], value.AsObject())),
            };
        }
        return builder;
    }
}
