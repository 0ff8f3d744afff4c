using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Trove.Chain;
using Trove.Chain.Embedded;
using Trove.Core;
using Trove.Crypto;

namespace Trove.SystemTests.Embedded;

/// <summary>A folder for one chain, a funded key, and what the tests do with them.</summary>
internal sealed class ChainTesting : IDisposable
{
    public static readonly Address Receiver = Address.Parse("0x00000000000000000000000000000000000000aa");
    private const ulong TransferGas = 21_000;
    private ulong _nonce;

    /// <summary>The chain's folder.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("trove-chain-").FullName;

    /// <summary>Holds money on the chain.</summary>
    public SigningKey Key { get; init; } = SigningKey.Generate();

    public string JournalPath => Path.Combine(Folder, "journal");

    public Task<EmbeddedChain> StartAsync(TimeProvider? time = null) =>
        EmbeddedChain.StartAsync(Folder, [Key.Address], time ?? TimeProvider.System, NullLogger.Instance, TestContext.Current.CancellationToken);

    /// <summary>A transfer of <paramref name="value"/> wei with the key's next nonce.</summary>
    public byte[] Transfer(EmbeddedChain chain, UInt128 value) => Transfer(chain.ChainId, _nonce++, value);

    /// <summary>A transfer with a given nonce.</summary>
    public byte[] Transfer(ulong chainId, ulong nonce, UInt128 value, ulong gas = TransferGas, ulong gwei = 100, Address? to = null) => new Transaction
    {
        ChainId = chainId,
        Nonce = nonce,
        MaxPriorityFeePerGas = 1_000_000_000,
        MaxFeePerGas = gwei * 1_000_000_000UL,
        GasLimit = gas,
        To = to ?? Receiver,
        Value = value,
        Data = [],
    }.Sign(Key).Raw;

    /// <summary>A transaction whose code writes one event without topics and data, and creates nothing.</summary>
    public byte[] Event(EmbeddedChain chain) => new Transaction
    {
        ChainId = chain.ChainId,
        Nonce = _nonce++,
        MaxPriorityFeePerGas = 1_000_000_000,
        MaxFeePerGas = 100_000_000_000,
        GasLimit = 100_000,
        To = null,
        Data = [0x60, 0, 0x60, 0, 0xa0, 0], // PUSH1 0, PUSH1 0, LOG0, STOP
    }.Sign(Key).Raw;

    /// <summary>The ids of the anvils that serve this chain.</summary>
    public static int[] Anvils(EmbeddedChain chain) => Anvils(chain.RpcUrl.Port);

    public static int[] Anvils(int port) => [.. Process.GetProcessesByName("anvil").Select(p => p.Id).Where(id => CommandLine(id).Contains($"\0--port\0{port}\0", StringComparison.Ordinal))];

    /// <summary>SIGKILL, and wait until it is gone.</summary>
    public static async Task KillAnvilAsync(EmbeddedChain chain)
    {
        using var anvil = Process.GetProcessById(Assert.Single(Anvils(chain)));
        anvil.Kill();
        await anvil.WaitForExitAsync();
    }

    /// <summary>Every block's hash, from block 0 to the head.</summary>
    public static async Task<Hash32[]> HashesAsync(EmbeddedChain chain)
    {
        var hashes = new List<Hash32>();
        for (ulong number = 0; number <= chain.Head.Number; number++)
            hashes.Add((await chain.Client.GetBlockAsync(Trove.Chain.Rpc.BlockTag.At(number)))!.Hash);
        return [.. hashes];
    }

    public void Dispose()
    {
        Key.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private static string CommandLine(int process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/cmdline");
        }
        catch (IOException)
        {
            return ""; // it has just ended
        }
    }
}

/// <summary>A clock that stands where it is put.</summary>
internal sealed class SetClock(DateTimeOffset now) : TimeProvider
{
    public DateTimeOffset Now { get; set; } = now;

    public override DateTimeOffset GetUtcNow() => Now;
}
