using Trove.Core;
using Trove.Core.Rewards;

namespace Trove.Tests.Core;

/// <summary>The examples of specs/rewards.md and specs/policy.md, computed: each number must stand there.</summary>
public class RewardsExampleTests
{
    private static readonly byte[] Key = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
    private static readonly EvidenceResults Evidence = new([new("reddit.times", CheckOutcome.Absent, "no statistics"), new("reddit.checkfile", CheckOutcome.Passed, "12 files agree")]);

    [Fact]
    public void The_example_is_what_the_code_computes()
    {
        string spec = File.ReadAllText(Path.Combine(Vectors.Repository, "specs", "rewards.md")) + File.ReadAllText(Path.Combine(Vectors.Repository, "specs", "policy.md"));
        var missing = Values().Where(v => !spec.Contains(v.Value, StringComparison.Ordinal)).ToList();
        Assert.True(missing.Count == 0, string.Join('\n', missing.Select(m => $"{m.Name}: {m.Value}")));
    }

    private static IEnumerable<(string Name, string Value)> Values()
    {
        yield return ("policy", Hex(AssetPolicy.Default(["answer", "comment", "message", "note", "post", "prompt"]).Hash()));
        yield return ("results", Hex(Evidence.Hash()));
        using var by = new RecordTags(Key);
        foreach (string text in (string[])["The café's MENU, again", "spam spam spam spam", "ﬁne ½ Ⅷ Straße ЁЖ"])
            yield return (text, $"`{by.Tag(RecordScore.FoldedWords("\n" + text)):x32}`");
        yield return ("fingerprint", $"`{by.Fingerprints(RecordScore.FoldedWords("one two three four five")).Single():x12}`");
        yield return ("fingerprints", string.Join(", ", by.Fingerprints(RecordScore.FoldedWords("one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen")).Select(f => $"`{f:x12}`")));

        var a = Contribution(0xaa, 1, 7, "The café's MENU, again", "spam spam spam spam");
        var b = Contribution(0xbb, 2, 9, "The café's MENU, again", "three new words");
        yield return ("tags of A", Hex(a.Facts.TagsHash));
        yield return ("tags of B", Hex(b.Facts.TagsHash));
        yield return ("list of A", Convert.ToHexStringLower(a.Tags.ToBytes().AsSpan(0, 13)));
        yield return ("signals of A", string.Join(' ', a.Tags.Quality.Values.Take(Quality.EarlierSignals).Select(v => v.ToString("x8"))));
        var epoch = Epoch.Close(1, default, AssetPolicy.Default(["answer", "comment", "message", "note", "post", "prompt"]), new NoveltyIndex(), [a, b]);
        foreach (var reward in epoch.Rewards)
        {
            yield return ("amount", reward.Amount.Units.ToString());
            yield return ("score", $"{reward.Score} = {reward.NovelScore} + {reward.RepeatedScore}");
        }
        foreach (var leaf in epoch.Leaves)
            yield return ("leaf", Hex(leaf.Hash()));
        yield return ("total", epoch.Total.Units.ToString());
        yield return ("root", Hex(epoch.Tree.Root));
        yield return ("tree", Hex(epoch.TreeHash));
    }

    private static AttestedContribution Contribution(byte owner, byte salt, ulong block, params string[] texts)
    {
        var ledger = new Address(Enumerable.Repeat((byte)0x22, Address.Size).ToArray());
        var address = new Address(Enumerable.Repeat(owner, Address.Size).ToArray());
        var id = ContributionId.Of(31337, ledger, address, new Hash32(Enumerable.Repeat(salt, 32).ToArray()));
        using var by = new RecordTags(Key);
        var tags = new TagList.Builder();
        foreach (string text in texts)
            tags.Add(by, "\n" + text, "\n" + text, Quality.Full);
        var list = tags.Build();
        // Parts roots are those of specs/parts.md.
        var root = Hash32.Parse(owner == 0xaa ? "0xfdaa05ad89ea84e3d74f523a1c4cb386ad5e4e206ded072e194702b362a96544" : "0x4a7d57f05849fcc024e562ebad31699e18242d30a184149a1c5e1989e0e04494");
        return new AttestedContribution(new Attestation(31337, ledger, default, id, address, root, Evidence.Hash(), list.Hash(), id, owner == 0xaa ? 8u : 7u, block, default, 1, default), Evidence, list);
    }

    private static string Hex(Hash32 hash) => hash.ToHex();
}
