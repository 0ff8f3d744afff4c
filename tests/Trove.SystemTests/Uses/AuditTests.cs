using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.SystemTests.Chain;
using Trove.SystemTests.Story;

namespace Trove.SystemTests.Uses;

public sealed partial class RunnerTests
{
    public static TheoryData<string, string> Kinds => new()
    {
        { nameof(ShareToken), nameof(ShareToken.TransferEvent) }, { nameof(ShareToken), nameof(ShareToken.DelegateVotesChangedEvent) },
        { nameof(Ledger), nameof(Ledger.EpochPostedEvent) }, { nameof(Ledger), nameof(Ledger.SharesClaimedEvent) },
        { nameof(Registry), nameof(Registry.VerifiersChangedEvent) }, { nameof(Registry), nameof(Registry.GuardiansChangedEvent) },
        { nameof(AssetGovernor), nameof(AssetGovernor.VoteCastEvent) },
        { nameof(Grants), nameof(Grants.RequestedEvent) }, { nameof(Grants), nameof(Grants.CharterChangedEvent) },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_chain_that_leaves_an_event_out_or_changes_one_is_found_out(string contract, string kind)
    {
        var signature = (Hash32)typeof(Grants).Assembly.GetType($"Trove.Chain.Bindings.{contract}+{kind}", throwOnError: true)!.GetField("Signature")!.GetValue(null)!;
        foreach (bool leaveOut in (bool[])[true, false])
        {
            using var chain = Audited.Lying(f.Rpc, signature, leaveOut);
            try
            {
                Assert.NotEmpty((await Audited.RunAsync(chain, f.Info, f.Asset.Asset)).Differences);
            }
            catch (Exception e) when (e is InvalidDataException or Trove.Chain.Abi.AbiException or RpcException)
            {
                // A lie that contradicts the other events.
            }
        }
    }

    [Fact]
    public async Task Anybody_audits_an_asset_by_its_events()
    {
        var (code, output, error) = await TroveCli.RunAsync(f.Folder, "asset", "audit", "USES", "--node", f.Client.Node.ToString());
        Assert.True(code == 0, output + error);
        Assert.Contains("all as the events say", output, StringComparison.Ordinal);
        (code, _, error) = await TroveCli.RunAsync(f.Folder, "asset", "audit", f.Asset.Grants.ToString(), "--rpc", f.Rpc.ToString(), "--factory", f.Info.Factory.ToString(), "--node", f.Client.Node.ToString());
        Assert.Equal(1, code);
        Assert.Contains($"never founded {f.Asset.Grants}", error, StringComparison.Ordinal);
    }
}
