using System.Text;
using Trove.Core;
using Trove.Node.Guardians;
using Trove.Tests.Guardians;
using static Trove.Tests.Fuzz.FuzzCheckException;
using static Trove.Tests.Fuzz.FuzzTarget;

namespace Trove.Tests.Fuzz;

/// <summary>A guardian's log and backup, as a disk and a stranger give them.</summary>
internal static class GuardianTargets
{
    private static readonly Address Guardian = new(Keccak256.Hash("guardian"u8).ToArray().AsSpan(12));

    public static IEnumerable<FuzzTarget> All() =>
    [
        new("guardian-log-entry", ["GuardianLogEntry.Parse"], [.. Lines()], Entry, o => o is GuardianLogEntry { Parts: > 99 } or GuardianLogEntry { Use: > 9 }, typeof(FormatException)) { Json = true },
        new("guardian-log", ["GuardianLog.Open"], [Log()], Check, o => o is GuardianLogCheck { Count: 2, Wrong: 3 }) { Tokens = Text("\n", "\"n\":3", "\"outcome\":\"begun\"") },
        new("guardian-backup", ["GuardianBackup.ReadAsync"], [GuardianBackupTests.Plain(Guardian, [("releases.jsonl", Log()), ("factory", [1, 2])], []), GuardianBackupTests.Plain(Guardian, [], [])],
            Backup, o => o is GuardianBackupInfo { Made: > 1L << 32 }, typeof(IOException)) { Tokens = Text("../", "releases-2.jsonl", "factory") },
    ];

    private static List<byte[]> Lines()
    {
        var lines = new List<byte[]>();
        var prev = GuardianLogEntry.Genesis(Guardian, 1);
        GuardianLogEntry[] entries =
        [
            new(1, default, 5, GuardianLogEntry.Begun, Guardian, 1),
            new(2, default, 6, GuardianLogEntry.Released, Asset: Guardian, Request: prev, Use: 1, KeyVersion: 1, Proofs: true, Parts: 7, Block: 8),
            new(3, default, 7, GuardianLogEntry.Refused, Asset: Guardian, Request: prev, Use: 1, KeyVersion: 1, Proofs: false, Code: "not-open", Reason: "why \"not\""),
            new(4, default, 8, GuardianLogEntry.Alarm, Code: "many-refusals"),
            new(5, default, 9, GuardianLogEntry.SharesTaken, CommitteeEpoch: 2, Registry: Guardian, Ceremony: prev),
        ];
        foreach (var entry in entries)
        {
            lines.Add((entry with { Prev = prev }).Encode());
            prev = GuardianLogEntry.HashOf(lines[^1]);
        }
        return lines;
    }

    private static byte[] Log() => [.. Lines().SelectMany(l => (byte[])[.. l, (byte)'\n'])];

    private static GuardianLogEntry Entry(byte[] input)
    {
        var entry = GuardianLogEntry.Parse(input);
        Require(entry.Encode().AsSpan().SequenceEqual(input), "an entry has two forms");
        Require(!input.AsSpan().ContainsAnyExceptInRange((byte)' ', (byte)'~'), "an entry that is not printable ASCII");
        return entry;
    }

    private static GuardianLogCheck Check(byte[] input)
    {
        var hashes = new List<Hash32>();
        var check = GuardianLogReader.Check(new MemoryStream(input), 1, (_, hash) => hashes.Add(hash), default);
        Require((ulong)hashes.Count == check.Count && (check.Count == 0 || hashes[^1] == check.Head), "another head than that of the last entry");
        var lines = Encoding.Latin1.GetString(input).Split('\n');
        for (int i = 0; i < hashes.Count; i++)
            Require(GuardianLogEntry.HashOf(Encoding.Latin1.GetBytes(lines[i])) == hashes[i], "another hash than that of the line");
        return check;
    }

    private static GuardianBackupInfo Backup(byte[] input) => Targets.Wait(GuardianBackup.ReadAsync(new MemoryStream(input), (name, _) =>
    {
        Require(Path.GetFileName(name) == name && name is not ("." or "..") && !name.Contains('\0'), "a file outside of the folder");
        return new MemoryStream();
    }, default));
}
