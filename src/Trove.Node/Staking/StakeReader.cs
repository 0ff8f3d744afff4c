using System.Numerics;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Node.Protocol;

namespace Trove.Node.Staking;

/// <summary>What the contract of stakes says, as documents.</summary>
public static class StakeReader
{
    /// <summary>What an operator has at stake, at the chain's head.</summary>
    /// <exception cref="RpcException">The chain cannot be read.</exception>
    public static async Task<StakeInfo> ReadAsync(EthClient chain, Address asset, Address stakes, Address grants, Address account, CancellationToken ct)
    {
        var contract = new Grants(grants);
        var stake = await new Stakes(stakes).StakeOfAsync(chain, account, cancel: ct);
        var atRisk = (UInt128)await contract.AtRiskAsync(chain, account, cancel: ct);
        var charter = await contract.CharterAsync(chain, cancel: ct);
        return new StakeInfo(asset, account, new(stake.Active), new(stake.Leaving), stake.Leaving == 0 ? null : checked((long)stake.LeavesAt), new(atRisk),
            new(atRisk + charter.RunnerStake), new(charter.VerifierStake));
    }

    /// <summary>How often stake was taken away.</summary>
    public static async Task<ulong> CountAsync(EthClient chain, Stakes contract, CancellationToken ct) =>
        (ulong)BigInteger.Min(await contract.SlashingsAsync(chain, cancel: ct), long.MaxValue);

    /// <summary>One slashing, as it stands at a second of the chain.</summary>
    public static SlashingInfo Describe(ulong number, Slashing s, long now) => s.FinalAt == 0
        ? new SlashingInfo(number, "closed", null, null, default, null)
        : new SlashingInfo(number, s.FinalAt <= (ulong)now ? "payable" : "appealable", s.Account, s.To, new(s.Amount), checked((long)s.FinalAt));
}
