using System.Security.Cryptography;
using System.Text.Json;
using Trove.Core;

namespace Trove.Chain.Embedded;

/// <summary>What is fixed when an embedded chain is created: every block's hash depends on it.</summary>
/// <param name="ChainId">Random, so that no signature for one chain is good for another.</param>
/// <param name="Timestamp">Time of block 0, seconds since 1970, UTC.</param>
/// <param name="Funded">The account that holds the chain's ether: the relayer, which pays everybody's gas.</param>
/// <param name="Engine">The EVM that made the chain, as web3_clientVersion names it.</param>
public sealed record ChainGenesis(ulong ChainId, ulong Timestamp, Address Funded, string Engine)
{
    /// <summary>What the funded account starts with: 2^96 wei, more than gas will ever cost.</summary>
    public static readonly UInt128 Funding = UInt128.One << 96;

    /// <summary>What binds journal and snapshot to this genesis.</summary>
    public Hash32 Id => new CanonicalWriter("trove/embedded-genesis/1").UInt64(ChainId).UInt64(Timestamp).Address(Funded).UInt128(Funding).Sha256();

    /// <summary>A new chain's genesis with a random id of 31 to 52 bits (JavaScript and wallets count to 2^53).</summary>
    public static ChainGenesis Create(Address funded, DateTimeOffset now, string engine)
    {
        ulong id = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)) % ((1UL << 52) - (1UL << 31)) + (1UL << 31);
        return new ChainGenesis(id, (ulong)now.ToUnixTimeSeconds(), funded, engine);
    }

    /// <summary>Reads genesis.json.</summary>
    /// <exception cref="JournalException">It is not what <see cref="Write"/> writes.</exception>
    public static ChainGenesis Read(string path)
    {
        try
        {
            if (new FileInfo(path).Length > 4096)
                throw new FormatException();
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            var root = json.RootElement;
            return new ChainGenesis(
                root.GetProperty("chainId").GetUInt64(),
                root.GetProperty("timestamp").GetUInt64(),
                Address.Parse(root.GetProperty("funded").GetString()!),
                root.GetProperty("engine").GetString()!);
        }
        catch (Exception e) when (e is JsonException or FormatException or KeyNotFoundException or InvalidOperationException)
        {
            throw new JournalException($"{path} is damaged; restore it from a backup, every block depends on it");
        }
    }

    /// <summary>Writes genesis.json durably.</summary>
    public void Write(string path) => DurableFile.Write(path, stream =>
    {
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteNumber("chainId", ChainId);
        json.WriteNumber("timestamp", Timestamp);
        json.WriteString("funded", Funded.ToString());
        json.WriteString("engine", Engine);
        json.WriteEndObject();
    });
}
