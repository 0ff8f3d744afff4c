using System.Numerics;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Trove.Chain;
using Trove.Chain.Abi;
using Trove.Chain.Bindings;
using Trove.Chain.Embedded;
using Trove.Chain.Events;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;
using static Trove.Tests.Fuzz.FuzzCheckException;
using static Trove.Tests.Fuzz.FuzzTarget;

namespace Trove.Tests.Fuzz;

/// <summary>What the chain writes and reads: RLP, transactions, ABI, events, the embedded chain's files and its proxy.</summary>
internal static class ChainTargets
{
    private static readonly Hash32 Genesis = Keccak256.Hash("genesis"u8);
    private static readonly string Folder = Directory.CreateTempSubdirectory("trove-fuzz-").FullName;

    private static readonly AbiType[] Types = [.. ((string[])["(uint256)", "(string,uint8,bool)", "(bytes,address)", "(uint64[])", "((uint64,string)[],bytes32)", "(int128,bytes4,uint16[2])", "(string[],address[])"]).Select(AbiType.Parse)];

    private static readonly (string Name, Func<Log, object?> Decode, AbiType Indexed, AbiType Others, Hash32 Signature)[] Events = [.. typeof(Ledger).Assembly.GetTypes()
        .Where(t => t.DeclaringType is not null && t.Name.EndsWith("Event", StringComparison.Ordinal) && t.GetMethod("Decode") is not null).OrderBy(t => t.FullName, StringComparer.Ordinal)
        .Select(t => ($"{t.DeclaringType!.Name}.{t.Name}", t.GetMethod("Decode")!.CreateDelegate<Func<Log, object?>>(), Field<AbiType>(t, "Indexed"), Field<AbiType>(t, "Others"), Field<Hash32>(t, "Signature")))];

    /// <summary>One valid log of each event, the index of the event first, then topics and data; see <see cref="ReadLog"/>.</summary>
    public static IReadOnlyList<byte[]> Logs { get; } = [.. Events.Select((e, i) => (byte[])[(byte)i, (byte)(1 + e.Indexed.Components.Count), .. e.Signature.ToArray(),
        .. AbiCodec.Encode(e.Indexed, (object?[])Sample(e.Indexed)), .. AbiCodec.Encode(e.Others, (object?[])Sample(e.Others))])];

    public static IEnumerable<FuzzTarget> All() =>
    [
        new("rlp", ["Rlp.Decode"], [Rlp.Encode(RlpItem.Integer(5), new RlpItem("dog"u8.ToArray())), Rlp.Encode(new RlpItem(new byte[60])), Rlp.Encode(new RlpItem(new RlpItem(Array.Empty<byte>()))) ], DecodeRlp,
            o => o is RlpItem { IsList: true } item && item.Items.Any(i => i.IsList && i.Items.Any(j => j.IsList && j.Items.Count > 1)), typeof(RlpException)) { Tokens = [[0xC0], [0xC1, 0x80], [0xC2, 0x01, 0x02], [0xC3, 0xC2, 0x01, 0x02], [0xB8, 0x38], [0xF8, 0x38]], MemoryPerByte = 4096 },
        new("transaction", ["SignedTransaction.Decode"], [Sign([]), Sign([new AccessListEntry(default, [Genesis])])], DecodeTransaction, o => o is SignedTransaction { Transaction.Nonce: > 100 } t && t.Transaction.Value != 5, typeof(RlpException)) { MemoryPerByte = 4096 },
        new("abi-type", ["AbiType.Parse"], [.. Types.Select(t => Encoding.ASCII.GetBytes(t.Name))], i => AbiType.Parse(Targets.Text(i)) is var t && AbiType.Parse(t.Name).Name == t.Name && t.Name == Targets.Text(i) ? t : throw new FuzzCheckException("another name"),
            o => o is AbiType { Kind: AbiKind.Array, Element: { Kind: AbiKind.Array, Size: > 2 } }, typeof(AbiException)) { Tokens = Text("[", "]", "[]", "[3]", "[65536]", "(", ")", ",", "uint", "256", "bytes", "address"), Memory = 2 << 20 },
        new("abi", ["AbiCodec.Decode"], [.. Types.Select((t, i) => (byte[])[(byte)i, .. AbiCodec.Encode(t, (object?[])Sample(t))])], DecodeAbi, o => o is object[] and [object[] { Length: > 2 }], typeof(AbiException)) { Record = 32, MemoryPerByte = 4096 },
        new("abi-word", ["AbiCodec.DecodeWord"], [[0, .. Genesis.ToArray()], [2, .. new byte[32]]], i => i.Length != 33 ? null : AbiCodec.DecodeWord(AbiType.Parse(((string[])["uint8", "int64", "bool", "address", "bytes4", "uint128"])[i[0] % 6]), new Hash32(i.AsSpan(1))),
            o => o is Address a && a.ToArray()[19] > 3, typeof(AbiException)) { Tokens = [new byte[12], new byte[24], new byte[31]] },
        new("event", ["*Event.Decode", "ContractView.Event"], Logs, i => ReadLog(i) is { } read ? Events[i[0] % Events.Length].Decode(read) : null, o => o is AssetGovernor.VoteCastEvent { Reason.Length: > 4 } or AssetGovernor.ProposalCreatedEvent { Description.Length: > 4 } or AssetGovernor.ProposalCreatedEvent { Signatures: [{ Length: > 4 }, ..] }, typeof(AbiException)) { Record = 32, MemoryPerByte = 4096 },
        new("revert", ["Revert.Decode"], [[0x08, 0xc3, 0x79, 0xa0, .. AbiCodec.Encode(AbiType.Tuple(AbiType.String), ["no"])], .. KnownErrors.All.Take(20).Select(e => (byte[])[.. AbiCodec.Selector(e.Name + e.Inputs.Name), .. AbiCodec.Encode(e.Inputs, (object?[])Sample(e.Inputs))])],
            i => Revert.Decode(i) is var r && r.ToString().Length <= 400 ? r : throw new FuzzCheckException("a long message"), o => o is Revert { Name: "Error", Arguments: [string { Length: > 5 }] }) { Record = 32, Tokens = [[0x4e, 0x48, 0x7b, 0x71]], MemoryPerByte = 4096 },
        new("follower-cursor", ["FollowerCursor.Parse"], Text($"5 7:{Genesis.ToHex()}", "0", $"1 1:{Genesis.ToHex()} 2:{Genesis.ToHex()}"), i => FollowerCursor.Parse(Targets.Text(i)) is var c && FollowerCursor.Parse(c.ToString()).ToString() == c.ToString() ? c : throw new FuzzCheckException("another cursor"),
            o => o is FollowerCursor { Recent.Count: 3 }, typeof(FormatException)) { Tokens = Text(" ", ":", $" 9:{Genesis.ToHex()}") },
        new("journal", ["BlockJournal.Open", "BlockJournal.Decode", "BlockJournal.Read"], [Payload(1, [1, 2, 3], []), Payload(1)], Journal, o => o is JournalBlock { Timestamp: > 1UL << 40, Transactions.Count: 2 }, typeof(JournalDamagedException)) { Cost = 40, Memory = 2 << 20, Tokens = [[0, 0, 0, 0]] },
        new("journal-file", ["BlockJournal.Open"], [JournalFile(Payload(1, [1, 2, 3])), JournalFile(Payload(1))], JournalRaw, o => o is (0UL, > 0L), typeof(JournalDamagedException)) { Cost = 200, Memory = 2 << 20 },
        new("snapshot", ["ChainSnapshot.Read"], [SnapshotFile()], Snapshot, o => o is (false, true)) { Cost = 20, Memory = 2 << 20 },
        new("genesis", ["ChainGenesis.LoadOrCreate", "ChainGenesis.Load"], [GenesisFile()], LoadGenesis, o => o is ChainGenesis { ChainId: > uint.MaxValue }, typeof(InvalidOperationException)) { Json = true, Cost = 20 },
        new("eth-proxy", ["EthProxy+Call.Read"], Text("""{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{"to":"0x00","gas":"0x10"},"latest"]}""", """{"jsonrpc":"2.0","id":"a","method":"eth_sendRawTransaction","params":["0x02"]}""",
            """{"jsonrpc":"2.0","id":1,"method":"eth_feeHistory","params":["0x1","latest",[1,2]]}"""), ProxyCall, o => o is (EthProxy.Call { Method.Length: > 20 }, not null, _) or (EthProxy.Call { Method: "eth_call" }, not null, _), typeof(JsonException)) { Json = true, Tokens = Text("\"gas\":", "\"GAS\":", "\\ud800", "\"eth_estimateGas\"") },
    ];

    /// <summary>A log out of bytes: which event, how many topics, the topics, the data. Null where they do not reach.</summary>
    public static Log? ReadLog(byte[] input)
    {
        if (input.Length < 2)
            return null;
        int topics = input[1] % 5, data = 2 + topics * Hash32.Size;
        return input.Length < data ? null
            : new Log(default, [.. Enumerable.Range(0, topics).Select(i => new Hash32(input.AsSpan(2 + i * Hash32.Size, Hash32.Size)))], input[data..], new BlockRef(1, Genesis), Genesis, 0);
    }

    private static RlpItem DecodeRlp(byte[] input)
    {
        var item = Rlp.Decode(input);
        Require(Rlp.Encode(item).AsSpan().SequenceEqual(input), "not canonical");
        return item;
    }

    private static SignedTransaction DecodeTransaction(byte[] input)
    {
        var signed = SignedTransaction.Decode(input);
        Require(Rlp.Encode(signed.Transaction.Fields()).Length < input.Length && signed.Hash == Keccak256.Hash(input) && signed.Raw.AsSpan().SequenceEqual(input), "another transaction");
        return signed;
    }

    private static object? DecodeAbi(byte[] input)
    {
        if (input.Length == 0)
            return null;
        var type = Types[input[0] % Types.Length];
        var values = AbiCodec.Decode(type, input.AsSpan(1));
        Require(AbiCodec.Encode(type, values).AsSpan().SequenceEqual(input.AsSpan(1)), "not the one encoding");
        return values;
    }

    // The frame and the digests are made right around the damaged payload, or damage would never get past them.
    private static object? Journal(byte[] input)
    {
        var path = Write("journal", JournalFile(input));
        using var journal = BlockJournal.Open(path, Genesis);
        Require(journal.Count == 1 && journal.TornBytes == 0, "a whole record was dropped");
        return journal.Read().Single().Block;
    }

    private static object JournalRaw(byte[] input)
    {
        var path = Write("journal-file", input);
        using var journal = BlockJournal.Open(path, Genesis);
        Require((ulong)journal.Read().Count() == journal.Count, "another count than blocks");
        return (journal.Count, journal.TornBytes);
    }

    private static object Snapshot(byte[] input)
    {
        var found = ChainSnapshot.Read(Write("snapshot", input));
        Require(found is null || input.AsSpan().EndsWith(found.State), "another state");
        return (found is not null, input.Length > 300 && input.AsSpan().StartsWith("trove-s1"u8));
    }

    private static ChainGenesis LoadGenesis(byte[] input)
    {
        Write("genesis.json", input);
        return ChainGenesis.LoadOrCreate(Folder, [], Path.Combine(Folder, "none"), TimeProvider.System);
    }

    private static object? ProxyCall(byte[] input)
    {
        using var json = JsonDocument.Parse(input, new JsonDocumentOptions { MaxDepth = 16 });
        if (EthProxy.Call.Read(json.RootElement) is not { } call)
            return null;
        using var again = JsonDocument.Parse(call.ToJson());
        Require(again.RootElement.GetProperty("method").GetString() == call.Method, "anvil would read another method");
        return (call, call.Excess(30_000_000), call.RawTransaction().Length);
    }

    private static string Write(string name, byte[] bytes)
    {
        var path = Path.Combine(Folder, name);
        System.IO.File.WriteAllBytes(path, bytes);
        return path;
    }

    private static byte[] Payload(ulong number, params byte[][] transactions) =>
    [
        .. BigEndian(number, 8), .. BigEndian(1_700_000_000, 8), .. Genesis.ToArray(), .. BigEndian((ulong)transactions.Length, 4),
        .. transactions.SelectMany(t => (byte[])[.. BigEndian((ulong)t.Length, 4), .. t]),
    ];

    // specs/embedded-chain.md, "Journal".
    private static byte[] JournalFile(byte[] payload)
    {
        var length = BigEndian((ulong)payload.Length, 4);
        return [.. "trove-j1"u8, .. Genesis.ToArray(), .. length, .. SHA256.HashData([.. Genesis.ToArray(), .. length])[..4], .. payload, .. SHA256.HashData([.. Genesis.ToArray(), .. payload])];
    }

    private static byte[] SnapshotFile()
    {
        var path = Path.Combine(Folder, "seed");
        new ChainSnapshot(5, Genesis, Genesis, new byte[100]).Write(path);
        return System.IO.File.ReadAllBytes(path);
    }

    private static byte[] GenesisFile()
    {
        var folder = Directory.CreateDirectory(Path.Combine(Folder, "seed-genesis")).FullName;
        ChainGenesis.LoadOrCreate(folder, [default(Address)], Path.Combine(folder, "none"), TimeProvider.System);
        return System.IO.File.ReadAllBytes(Directory.GetFiles(folder).Single());
    }

    private static byte[] BigEndian(ulong value, int size) => new BigInteger(value).ToByteArray(isUnsigned: true, isBigEndian: true) is var bytes ? [.. new byte[size - bytes.Length], .. bytes] : [];

    private static byte[] Sign(IReadOnlyList<AccessListEntry> list)
    {
        using var key = SigningKey.FromBytes([.. Enumerable.Repeat((byte)1, 32)]);
        return new Transaction { ChainId = 31337, Nonce = 7, MaxPriorityFeePerGas = 1, MaxFeePerGas = 2_000_000_000, GasLimit = 100_000, To = default(Address), Value = 5, Data = [1, 2, 3], AccessList = list }.Sign(key).Raw;
    }

    internal static T Field<T>(Type type, string name) => (T)type.GetField(name, BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)!.GetValue(null)!;

    /// <summary>A value of a type, small and not empty.</summary>
    internal static object Sample(AbiType type) => type.Kind switch
    {
        AbiKind.UInt or AbiKind.Int => new BigInteger(7),
        AbiKind.Bool => true,
        AbiKind.Address => new Address(Genesis.ToArray().AsSpan(12)),
        AbiKind.FixedBytes => type.Size == 32 ? Genesis : new byte[type.Size],
        AbiKind.Bytes => new byte[] { 1, 2, 3 },
        AbiKind.String => "text",
        AbiKind.Array => Enumerable.Range(0, type.Size < 0 ? 2 : type.Size).Select(_ => Sample(type.Element!)).ToArray(),
        _ => type.Components.Select(c => (object?)Sample(c)).ToArray(),
    };
}
