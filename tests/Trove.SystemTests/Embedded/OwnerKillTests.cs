using System.Diagnostics;
using System.Globalization;
using Trove.Chain.Embedded;
using Trove.Core;
using Trove.Crypto;

namespace Trove.SystemTests.Embedded;

/// <summary>The process that owns the chain is killed: this assembly, started once more to run only <see cref="Owner"/>.</summary>
public sealed class OwnerKillTests
{
    private const string FolderVariable = "TROVE_TEST_CHAIN_FOLDER"; // tells Owner that it is to own a chain, and where

    [Fact]
    public async Task WhatWasAcknowledgedSurvivesTheDeathOfTheOwner()
    {
        using var testing = new ChainTesting { Key = Key() };
        var acknowledged = Path.Combine(testing.Folder, "acknowledged");
        for (int round = 1; round <= 3; round++)
        {
            int before = File.Exists(acknowledged) ? File.ReadAllLines(acknowledged).Length : 0;
            using var owner = Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "Trove.SystemTests"))
            {
                ArgumentList = { "--explicit", "only", "--filter-method", $"*{nameof(OwnerKillTests)}.{nameof(Owner)}" },
                Environment = { [FolderVariable] = testing.Folder },
                RedirectStandardOutput = true,
            })!;
            while (!owner.HasExited && (!File.Exists(acknowledged) || File.ReadAllLines(acknowledged).Length < before + 25))
                await Task.Delay(20);
            Assert.False(owner.HasExited, owner.HasExited ? await owner.StandardOutput.ReadToEndAsync() : "");
            owner.Kill();
            await owner.WaitForExitAsync();
            var lines = Lines(acknowledged);
            int port = int.Parse(File.ReadAllText(Path.Combine(testing.Folder, "port")), CultureInfo.InvariantCulture);
            while (ChainTesting.Anvils(port).Length > 0) // the kernel kills it with its parent
                await Task.Delay(20);

            await using var chain = await testing.StartAsync();
            foreach (var line in lines)
            {
                var receipt = await chain.Client.GetTransactionReceiptAsync(Hash32.Parse(line[0]));
                Assert.Equal(line[1], receipt?.Block.Hash.ToString());
            }
            Assert.True(await chain.Client.GetBalanceAsync(ChainTesting.Receiver) >= (UInt128)lines.Length);
        }
    }

    [Fact(Explicit = true)]
    public async Task Owner()
    {
        var folder = Environment.GetEnvironmentVariable(FolderVariable) ?? throw new InvalidOperationException($"this runs only as a child of {nameof(WhatWasAcknowledgedSurvivesTheDeathOfTheOwner)}");
        using var testing = new ChainTesting { Key = Key() };
        await using var chain = await EmbeddedChain.StartAsync(folder, [testing.Key.Address], TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        await File.WriteAllTextAsync(Path.Combine(folder, "port"), chain.RpcUrl.Port.ToString(CultureInfo.InvariantCulture));
        ulong nonce = await chain.Client.GetTransactionCountAsync(testing.Key.Address);
        using var acknowledged = new StreamWriter(Path.Combine(folder, "acknowledged"), append: true) { AutoFlush = true };
        while (true) // until it is killed
        {
            var receipts = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => chain.SubmitAsync(testing.Transfer(chain.ChainId, nonce++, 1))));
            foreach (var receipt in receipts)
                await acknowledged.WriteLineAsync($"{receipt.TransactionHash} {receipt.Block.Hash}");
        }
    }

    // A line cut short by the kill was not reported as acknowledged.
    private static string[][] Lines(string path) =>
        [.. File.ReadAllText(path).Split('\n')[..^1].Select(line => line.Split(' ')).Where(parts => parts is [{ Length: 66 }, { Length: 66 }])];

    private static SigningKey Key() => SigningKey.FromBytes(Enumerable.Repeat((byte)0x42, Secp256k1.SecretSize).ToArray());
}
