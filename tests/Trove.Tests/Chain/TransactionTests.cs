using System.Text.Json;
using Trove.Chain;
using Trove.Core;
using Trove.Crypto;

namespace Trove.Tests.Chain;

public class TransactionTests
{
    private static readonly JsonElement Vector = Vectors.Read("transactions");

    [Fact]
    public void Signs_hashes_and_decodes_as_ethers_and_cast_do()
    {
        using var key = SigningKey.FromBytes(Hex.Decode(Vector.Text("secret")));
        Assert.Equal(Vector.Text("sender"), key.Address.ToString());
        foreach (var v in Vector.GetProperty("transactions").EnumerateArray())
        {
            var transaction = new Transaction
            {
                ChainId = ulong.Parse(v.Text("chainId")),
                Nonce = ulong.Parse(v.Text("nonce")),
                MaxPriorityFeePerGas = UInt128.Parse(v.Text("maxPriorityFeePerGas")),
                MaxFeePerGas = UInt128.Parse(v.Text("maxFeePerGas")),
                GasLimit = ulong.Parse(v.Text("gasLimit")),
                To = v.GetProperty("to").GetString() is { } to ? Address.Parse(to) : null,
                Value = UInt128.Parse(v.Text("value")),
                Data = Hex.Decode(v.Text("data")),
                AccessList = [.. v.GetProperty("accessList").EnumerateArray().Select(e => new AccessListEntry(
                    Address.Parse(e.Text("address")), [.. e.GetProperty("slots").EnumerateArray().Select(s => Hash32.Parse(s.GetString()!))]))],
            };
            Assert.Equal(v.Text("signingHash"), transaction.SigningHash.ToString());
            var signed = transaction.Sign(key);
            Assert.Equal(v.Text("raw"), Hex.Encode(signed.Raw)); // RFC 6979: the same nonce, the same bytes
            var decoded = SignedTransaction.Decode(signed.Raw);
            Assert.Equal(v.Text("hash"), decoded.Hash.ToString());
            Assert.Equal(key.Address, decoded.Sender);
            Assert.Equal(transaction.SigningHash, decoded.Transaction.SigningHash);
        }
    }

    public static TheoryData<string> RefusedNames() => [.. Vector.GetProperty("refused").EnumerateArray().Select(v => v.Text("name"))];

    [Theory]
    [MemberData(nameof(RefusedNames))]
    public void Refuses(string name)
    {
        var raw = Hex.Decode(Vector.GetProperty("refused").EnumerateArray().Single(v => v.Text("name") == name).Text("raw"));
        Assert.Throws<RlpException>(() => SignedTransaction.Decode(raw));
    }

    [Fact]
    public void Every_mutation_is_refused_or_from_another_sender()
    {
        var random = new Random(2);
        var sender = Address.Parse(Vector.Text("sender"));
        foreach (var v in Vector.GetProperty("transactions").EnumerateArray())
        {
            var raw = Hex.Decode(v.Text("raw"));
            for (int i = 0; i < 30; i++)
            {
                var mutant = raw.ToArray();
                mutant[random.Next(mutant.Length)] ^= (byte)(1 << random.Next(8));
                try
                {
                    Assert.NotEqual(sender, SignedTransaction.Decode(mutant).Sender);
                }
                catch (RlpException)
                {
                    // refused
                }
            }
        }
    }

    [Fact]
    public void A_transaction_too_large_for_any_mempool_is_refused() =>
        Assert.Contains("at most", Assert.Throws<RlpException>(() => SignedTransaction.Decode(new byte[Transaction.MaxRawBytes + 1])).Message);

    [Fact]
    public void Addresses_of_created_contracts()
    {
        foreach (var v in Vector.GetProperty("created").EnumerateArray())
            Assert.Equal(v.Text("address"), Transaction.CreatedContract(Address.Parse(v.Text("sender")), ulong.Parse(v.Text("nonce"))).ToString());
    }
}
