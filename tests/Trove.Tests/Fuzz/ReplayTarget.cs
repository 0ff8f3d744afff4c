using System.Numerics;
using Trove.Chain.Abi;
using Trove.Chain.Bindings;
using Trove.Chain.Events;
using Trove.Chain.Replay;
using Trove.Chain.Rpc;
using Trove.Core;
using static Trove.Tests.Fuzz.FuzzCheckException;

namespace Trove.Tests.Fuzz;

/// <summary>
/// Histories that no chain has: an input is a row of events, each its number and three bytes that its arguments are made of. Whatever
/// the replay does not refuse adds up.
/// </summary>
internal static class ReplayTarget
{
    private const int Record = 4;

    private static readonly Type[] Contracts = [typeof(ShareToken), typeof(Ledger), typeof(Registry), typeof(Grants), typeof(AssetGovernor), typeof(AssetTimelock), typeof(Stakes)];
    private static readonly Address[] Accounts = [.. Enumerable.Range(0, 5).Select(i => i == 0 ? default : new Address([.. Enumerable.Repeat((byte)i, Address.Size)]))];
    private static readonly Address[] Addresses = [.. Enumerable.Range(100, Contracts.Length).Select(i => new Address([.. Enumerable.Repeat((byte)i, Address.Size)]))];

    private static readonly (int Contract, string Name, AbiType Indexed, AbiType Others, Hash32 Signature)[] Events = [.. Contracts.SelectMany((c, i) => c.GetNestedTypes()
        .Where(t => t.Name.EndsWith("Event", StringComparison.Ordinal)).OrderBy(t => t.Name, StringComparer.Ordinal)
        .Select(t => (i, t.Name, ChainTargets.Field<AbiType>(t, "Indexed"), ChainTargets.Field<AbiType>(t, "Others"), ChainTargets.Field<Hash32>(t, "Signature"))))];

    public static FuzzTarget Create() => new("replay", ["AssetReplay.ReadAsync"],
        [
            [.. Of(nameof(ShareToken.TransferEvent), 0, 1, 9), .. Of(nameof(ShareToken.DividendDistributedEvent), 1, 5, 0)],
            [.. Of(nameof(Ledger.EpochPostedEvent), 1, 0, 7), .. Of(nameof(Ledger.SharesClaimedEvent), 1, 0, 3)],
            [.. Of(nameof(Grants.CharterChangedEvent), 1, 1, 1), .. Of(nameof(Grants.RequestedEvent), 2, 1, 1), .. Of(nameof(Grants.ApprovedEvent), 2, 1, 1)],
            [.. Of(nameof(Stakes.DepositedEvent), 1, 200, 1), .. Of(nameof(Stakes.UnstakedEvent), 1, 4, 1)],
        ],
        Run, o => o is AssetReplay { Token.TotalSupply.IsZero: false, Grants.Requests.Count: > 0 }, typeof(InvalidDataException), typeof(AbiException)) { Record = Record, Cost = 4, MaxInput = 400, MemoryPerByte = 16 << 10 };

    private static byte[] Of(string name, byte a, byte b, byte c) => [(byte)Array.FindIndex(Events, e => e.Name == name), a, b, c];

    private static AssetReplay Run(byte[] input)
    {
        var rules = new Rules(1, 1, 0, 50, 1, 0);
        var replay = AssetReplay.Of(new AssetFactory.AssetCreatedEvent(Addresses[0], Accounts[1],
            new AssetContracts(Addresses[0], Addresses[2], Addresses[1], Addresses[3], Addresses[4], Addresses[5], Addresses[6]),
            new AssetParams("", "", default, default, default, default, 0, 3, [], [], 0, new Custody([], [], [], 0, []), new Governance(0, 1, 0, rules, rules, rules),
                new Charter(1, 1, 1, 0, 1, 0, 0, 0, new Standing(0, 0, 0, 0), []))));
        ulong block = 0;
        foreach (var record in input.Chunk(Record).Where(r => r.Length == Record))
        {
            var (contract, _, indexed, others, signature) = Events[record[0] % Events.Length];
            int at = 0;
            object Value(AbiType type) => type.Kind switch
            {
                AbiKind.UInt => BigInteger.Min(Next() is var n && n < 250 ? n : BigInteger.One << (n - 240) * 16, (BigInteger.One << type.Size) - 1),
                AbiKind.Bool => Next() % 2 == 1,
                AbiKind.Address => Accounts[Next() % Accounts.Length],
                AbiKind.FixedBytes => type.Size == Hash32.Size ? new Hash32([.. Enumerable.Repeat((byte)(Next() % 4), Hash32.Size)]) : new byte[type.Size],
                AbiKind.Bytes => new byte[Next() % 8],
                AbiKind.String => new string('a', Next() % 8),
                AbiKind.Array => Enumerable.Range(0, type.Size < 0 ? Next() % 3 : type.Size).Select(_ => Value(type.Element!)).ToArray(),
                _ => type.Components.Select(c => (object?)Value(c)).ToArray(),
            };
            byte Next() => record[1 + at++ % (Record - 1)];
            var topics = indexed.Components.Select(c => new Hash32(AbiCodec.Encode(AbiType.Tuple(c), [Value(c)]))).Prepend(signature).ToArray();
            replay.Apply(new TimedLog(new Log(Addresses[contract], topics, AbiCodec.Encode(others, (object?[])Value(others)), new BlockRef(++block, default), default, 0), block));
        }
        var token = replay.Token;
        Require(token.Accounts.Aggregate(BigInteger.Zero, (sum, a) => sum + token.BalanceOf(a)) == token.TotalSupply, "shares do not add up");
        Require(token.Accounts.Count(a => a != Addresses[1] && token.BalanceOf(a) > 0) == token.Holders, "owners do not add up");
        Require(replay.Grants.Recipients.Aggregate(BigInteger.Zero, (sum, a) => sum + replay.Grants.CreditOf(a)) == replay.Grants.Credited, "credits do not add up");
        return replay;
    }
}
