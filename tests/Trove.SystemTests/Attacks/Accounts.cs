using Microsoft.Extensions.DependencyInjection;
using Trove.Chain;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;
using Trove.Node;
using Trove.Node.Chain;

namespace Trove.SystemTests.Attacks;

/// <summary>Accounts that pay for their own transactions on a node's embedded chain.</summary>
internal static class Accounts
{
    public static readonly UInt128 Ether = 1_000_000_000_000_000_000;

    /// <summary>What an account has from now on.</summary>
    public static async Task FundAsync(NodeHost node, Address account, UInt128 wei)
    {
        using var anvil = new EthClient(node.Services.GetRequiredService<ChainConnection>().Rpc); // past the proxy, which does not offer this
        await anvil.SendAsync("anvil_setBalance", [account.ToString(), $"0x{wei:x}"]);
    }

    /// <summary>Signed by the senders and mined in this order, in as few blocks as it takes.</summary>
    public static async Task<Receipt[]> SendAsync(NodeHost node, params (SigningKey From, ContractCall Call)[] calls)
    {
        var chain = node.Services.GetRequiredService<ChainConnection>();
        var nonces = new Dictionary<Address, ulong>();
        var sent = new List<Task<Receipt>>();
        foreach (var (from, call) in calls)
        {
            ulong nonce = nonces[from.Address] = nonces.TryGetValue(from.Address, out ulong last) ? last + 1 : await chain.Client.GetTransactionCountAsync(from.Address);
            sent.Add(chain.Embedded!.SubmitAsync(new Transaction
            {
                ChainId = chain.ChainId, Nonce = nonce, MaxFeePerGas = 10_000_000_000, MaxPriorityFeePerGas = 1, GasLimit = 3_000_000, To = call.To, Data = call.Data,
            }.Sign(from).Raw));
        }
        return await Task.WhenAll(sent);
    }

    /// <summary>Moves the chain's time to a second, from the last block there is: what the chain's owner remembers of its head may be a block behind.</summary>
    public static async Task PassToAsync(NodeHost node, long second)
    {
        var chain = node.Services.GetRequiredService<ChainConnection>();
        while ((await chain.Client.GetBlockAsync(BlockTag.Latest))!.Timestamp < (ulong)second)
            await chain.Embedded!.AdvanceToAsync(DateTimeOffset.FromUnixTimeSeconds(second));
    }

    /// <summary>A key file for the command line.</summary>
    public static async Task<string> SaveAsync(KeyFile keys, string folder, string name)
    {
        var (file, pass) = (Path.Combine(folder, name + ".key"), Path.Combine(folder, "pass.txt"));
        if (File.Exists(file))
            return file;
        await File.WriteAllTextAsync(pass, "a passphrase of this test\n");
        using var secret = PassphraseSource.FromFile(pass);
        keys.Save(file, secret, workFactor: 10);
        return file;
    }
}
