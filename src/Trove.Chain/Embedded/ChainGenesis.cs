using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Trove.Chain.Durability;
using Trove.Core;

namespace Trove.Chain.Embedded;

/// <summary>
/// What an embedded chain begins with, fixed once in <c>genesis.json</c> of its folder. All that goes into a block's hash besides the
/// journal is here, so that neither a default of a later anvil nor of ours rewrites a chain.
/// </summary>
internal sealed record ChainGenesis
{
    private const int Version = 1;
    private const string FileName = "genesis.json";
    private const int MaxBytes = 1024 * 1024;

    /// <summary>The EVM's rules of a chain that is made today.</summary>
    public const string Rules = "prague";

    // Readers of genesis.json are strict: a member that is missing or unknown means another version or damage.
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        WriteIndented = true,
    };

    /// <summary>Version of this file's format and of the replay rules.</summary>
    public required int Format { get; init; }

    /// <summary>Random in [2^31, 2^32), so that signatures for one embedded chain are good on no other chain.</summary>
    public required ulong ChainId { get; init; }

    /// <summary>Time of block 0, seconds since 1970.</summary>
    public required ulong Timestamp { get; init; }

    /// <summary>The EVM's rules, a name that anvil knows.</summary>
    public required string Hardfork { get; init; }

    /// <summary>Most gas in a block.</summary>
    public required ulong GasLimit { get; init; }

    /// <summary>Base fee of block 0, wei per gas.</summary>
    public required ulong BaseFeePerGas { get; init; }

    /// <summary>Accounts that hold money from the start.</summary>
    public required IReadOnlyList<string> Funded { get; init; }

    /// <summary>What each of them holds: wei, decimal.</summary>
    public required string BalanceWei { get; init; }

    /// <summary>Identifies the chain to its journal and snapshots: SHA-256 of the file.</summary>
    [JsonIgnore]
    public Hash32 Id { get; private init; }

    /// <summary>Reads the genesis of a folder, or makes one when the folder has no chain yet.</summary>
    /// <exception cref="InvalidOperationException">The file is damaged or missing beside a journal, or one of <paramref name="funded"/> is not in it.</exception>
    public static ChainGenesis LoadOrCreate(string folder, IReadOnlyList<Address> funded, string journal, TimeProvider time)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            if (File.Exists(journal))
                throw new InvalidOperationException($"opening the embedded chain in {folder}: {FileName} is missing, but its journal is there; restore {FileName} from a backup, or move the folder away to begin a new chain");
            var fresh = new ChainGenesis
            {
                Format = Version,
                ChainId = (1UL << 31) | (uint)RandomNumberGenerator.GetInt32(int.MaxValue),
                Timestamp = (ulong)time.GetUtcNow().ToUnixTimeSeconds(),
                Hardfork = Rules,
                GasLimit = 30_000_000,
                BaseFeePerGas = 1_000_000_000,
                Funded = [.. funded.Distinct().Select(a => a.ToString())],
                BalanceWei = "1" + new string('0', 27), // 10^9 ether: never the reason why something fails
            };
            DurableFile.Write(path, stream => JsonSerializer.Serialize(stream, fresh, Json));
        }
        var genesis = Load(path);
        var missing = funded.Select(a => a.ToString()).Except(genesis.Funded).FirstOrDefault();
        return missing is null ? genesis : throw new InvalidOperationException(
            $"opening the embedded chain in {folder}: {missing} is to be funded, but was not when the chain began; bring back the key that it began with, or move the folder away to begin a new chain");
    }

    private static ChainGenesis Load(string path)
    {
        try
        {
            if (new FileInfo(path).Length > MaxBytes)
                throw new JsonException($"more than {MaxBytes} bytes");
            var bytes = File.ReadAllBytes(path);
            var genesis = JsonSerializer.Deserialize<ChainGenesis>(bytes, Json) ?? throw new JsonException("null");
            if (genesis.Format != Version)
                throw new JsonException($"format {genesis.Format}; this version reads format {Version}");
            if (genesis is not { Funded: not null, Hardfork: not null, BalanceWei: not null })
                throw new JsonException("an account list, a hard fork or a balance is missing");
            foreach (var account in genesis.Funded)
                _ = Address.Parse(account);
            return genesis with { Id = new Hash32(SHA256.HashData(bytes)) };
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            throw new InvalidOperationException($"reading {path}: {e.Message}; restore the file from a backup", e);
        }
    }
}
