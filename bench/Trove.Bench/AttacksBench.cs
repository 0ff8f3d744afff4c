using System.Security.Cryptography;
using Trove.Bench.Attacks;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Node.Protocol;

namespace Trove.Bench;

/// <summary>
/// A thousand members of whom a fifth try to be paid for what is not new, real or their own. Made-up texts, real rules: scores, tags,
/// fingerprints, checks of exports, signatures and epochs are the verifiers' own code, under the default policy.
/// </summary>
public static class AttacksBench
{
    /// <summary>Most of what honest members may lose.</summary>
    public const double HonestGoal = 0.01;

    private const int Seed = 20_261, ByChanceTries = 60;
    private static readonly byte[] Key = SHA256.HashData("trove/bench/attacks"u8);
    private static readonly EvidenceResults Evidence = new([new("reddit.checkfile", CheckOutcome.Passed, "")]);

    private static readonly AssetPolicy Policy = AssetPolicy.Default(["comment"]);

    /// <summary>Runs it.</summary>
    /// <param name="members">How many; a fifth of them attack.</param>
    /// <param name="records">Records of each.</param>
    /// <param name="ct">Ends it.</param>
    public static IReadOnlyList<BenchLine> Run(int members, int records, CancellationToken ct)
    {
        var writer = new Writer(Seed);
        int attackers = members / 5, honest = members - attackers;
        var texts = new IReadOnlyList<string>[honest];
        Parallel.For(0, honest, new ParallelOptions { CancellationToken = ct }, i =>
        {
            var habits = new Writer.Habits(Seed + 1 + i);
            texts[i] = Write(habits);
        });
        IReadOnlyList<string> Write(Writer.Habits habits) => [.. Enumerable.Range(0, records).Select(_ => writer.Record(habits))];

        // Half of the honest come first; the others and all attackers meet in the epoch after, the attackers last.
        var contributed = Contribute([.. texts.Select((t, i) => new Brought(i, i, i, t))], ct);
        var made = new List<Brought>();
        int id = honest;
        var together = Attack.All.Where(a => !a.ByChance).ToList();
        foreach (var attack in together)
            for (int n = Math.Max(1, attackers / (together.Count + 4)); n > 0; n--, id++)
                made.Add(Made(attack, id));
        var attacking = Contribute(made, ct);

        Brought Made(Attack attack, int by)
        {
            var chance = new Random(Seed - by);
            var many = Enumerable.Range(0, 10).SelectMany(_ => texts[chance.Next(honest)]).ToList();
            var own = Write(new Writer.Habits(Seed + 1 + by));
            return new Brought(by, by, by, attack.Make(new Attack.Prey(own, texts[chance.Next(honest)], many, writer, chance)), attack, attack.HasOwn ? own.Sum(t => (double)Words.Count(t)) : 0);
        }

        int half = honest / 2;
        var first = Epoch.Close(1, default, Policy, new NoveltyIndex(), contributed.Take(half));
        var index = IndexOf(first, contributed.Take(half));
        var second = Epoch.Close(2, first.Tree.Root, Policy, index, [.. contributed.Skip(half), .. attacking]);
        var paid = first.Rewards.Concat(second.Rewards).ToDictionary(r => r.Contribution);
        var honestRewards = contributed.Select(c => paid[c.Facts.Contribution]).ToList();
        double perWord = Sum(honestRewards) / honestRewards.Sum(r => (double)r.OwnWords);

        var lines = new List<BenchLine>();
        double cut = 1 - honestRewards.Sum(r => (double)r.NovelScore * r.WritingFactor) / honestRewards.Sum(r => (double)r.Score * RecordScore.Full);
        lines.Add(Line("honest members: words wrongly cut", cut, HonestGoal));
        lines.Add(Line("honest members who lose more than a twentieth", honestRewards.Count(r => r.NovelScore * (double)r.WritingFactor < r.Score * 0.95 * RecordScore.Full) / (double)honest, HonestGoal));
        foreach (var attack in Attack.All)
        {
            var theirs = attack.ByChance ? [.. Enumerable.Range(id, ByChanceTries).Select(by => Made(attack, by))] : made.Where(b => b.Attack == attack).ToList();
            var rewards = attack.ByChance ? [.. Contribute(theirs, ct).AsParallel().AsOrdered().Select(c => Epoch.Close(2, default, Policy, index, [c]).Rewards[0])] : theirs.ConvertAll(b => paid[IdOf(b.Id)]);
            double own = theirs.Sum(b => b.NewWords), fair = own * perWord;
            lines.Add(Line($"{attack.Name}: captured", (Sum(rewards) - fair) / (rewards.Sum(r => (double)r.OwnWords) * perWord - fair), attack.Goal));
        }
        lines.AddRange(Divided(texts, contributed, half, perWord, ct));
        lines.AddRange(Bought(texts, contributed, half, perWord, Write));
        lines.Add(Forged(texts, attackers / 10));
        lines.Add(Replayed(attackers / 10));
        return lines;
    }

    /// <summary>What one brings: texts of a record each, and how many words of an attacker's are new.</summary>
    private sealed record Brought(int Id, int Owner, int Account, IReadOnlyList<string> Texts, Attack? Attack = null, double NewWords = 0);

    private static List<AttestedContribution> Contribute(IReadOnlyList<Brought> all, CancellationToken ct) =>
        [.. all.AsParallel().AsOrdered().WithCancellation(ct).Select(b => Contribute(b, Evidence))];

    private static AttestedContribution Contribute(Brought brought, EvidenceResults evidence)
    {
        var tags = new TagList.Builder();
        using var by = new RecordTags(Key);
        ulong words = 0;
        foreach (string text in brought.Texts)
        {
            tags.Add(by, text, text, Policy.Quality);
            words += (ulong)Words.Count(text);
        }
        var list = tags.Build();
        var facts = new Attestation(1, default, default, IdOf(brought.Id), OwnerOf(brought.Owner), IdOf(brought.Id), evidence.Hash(), list.Hash(), IdOf(brought.Account), words,
            (ulong)brought.Id, Policy.Hash(), 1, default);
        return new AttestedContribution(facts, evidence, list);
    }

    // The same export over several wallets and files, against once as a whole.
    private static IEnumerable<BenchLine> Divided(IReadOnlyList<string>[] texts, List<AttestedContribution> contributed, int half, double perWord, CancellationToken ct)
    {
        const int parts = 5;
        var index = IndexOf(Epoch.Close(1, default, Policy, new NoveltyIndex(), contributed.Take(half)), contributed.Take(half));
        double whole = 0, wallets = 0, files = 0, copies = 0, again = 0, words = 0;
        foreach (int member in Enumerable.Range(half, Math.Min(20, contributed.Count - half)))
        {
            var mine = texts[member];
            var pieces = mine.Select((text, i) => (text, i)).GroupBy(t => t.i % parts, t => t.text).Select(g => (IReadOnlyList<string>)[.. g]).ToList();
            whole += Pays(Contribute([new(1, 1, 1, mine)], ct));
            wallets += Pays(Contribute([.. pieces.Select((p, i) => new Brought(i, i, i, p))], ct));
            files += Pays(Contribute([.. pieces.Select((p, i) => new Brought(i, 1, 1, p))], ct));
            copies += Pays(Contribute([.. Enumerable.Range(0, parts).Select(i => new Brought(i, i, i, mine))], ct));
            again += Pays(Contribute([new(1, 1, 1, mine), new(2, 1, 1, mine)], ct));
            words += mine.Sum(t => (double)Words.Count(t));
        }
        yield return Line("one export split over five wallets: more than over one", wallets / whole - 1, 0.05);
        yield return Line("one export split over five files: more than in one", files / whole - 1, 0.05);
        yield return Line("one export by five wallets: captured by the four others", (copies - whole) / ((parts - 1) * words * perWord), 0.01);
        yield return Line("one export twice by one wallet: captured again", (again - whole) / (words * perWord), 0.01);

        double Pays(IReadOnlyList<AttestedContribution> some) => Sum(Epoch.Close(2, default, Policy, index, some).Rewards);
    }

    // Accounts that were sold with all that is in them; who bought one shows control of it, more than its seller did.
    private static IEnumerable<BenchLine> Bought(IReadOnlyList<string>[] texts, List<AttestedContribution> contributed, int half, double perWord, Func<Writer.Habits, IReadOnlyList<string>> write)
    {
        const int count = 20, buyer = 1_000_000;
        var index = IndexOf(Epoch.Close(1, default, Policy, new NoveltyIndex(), contributed.Take(half)), contributed.Take(half));
        var control = new EvidenceResults([.. Evidence.Checks, new(EvidenceKinds.Post, CheckOutcome.Passed, "")]);
        perWord *= control.Factor(Policy.Evidence) / (double)Evidence.Factor(Policy.Evidence); // as an honest member's with as much evidence
        double again = 0, newer = 0, strangers = 0, words = 0, added = 0, theirs = 0;
        for (int i = 0; i < Math.Min(count, half); i++)
        {
            var (sold, own, others) = (texts[i], write(new Writer.Habits(buyer + i)), write(new Writer.Habits(2 * buyer + i)));
            IReadOnlyList<string> fresh = [.. own.Take(own.Count / 10)];
            again += Pays(new Brought(buyer, buyer, i, sold));
            newer += Pays(new Brought(buyer, buyer, i, [.. sold, .. fresh]));
            strangers += Pays(new Brought(buyer, buyer, buyer, others));
            (words, added, theirs) = (words + WordsOf(sold), added + WordsOf(fresh), theirs + WordsOf(others));
        }
        yield return Line("bought accounts of members, what they had contributed: captured", again / (words * perWord), 0.01);
        yield return Line("bought accounts of members, a tenth as much new beside it: beyond the new", (newer - added * perWord) / (words * perWord), 0.01);
        yield return Line("bought accounts of people who never contributed: captured", strangers / (theirs * perWord), null);

        double Pays(Brought brought) => Sum(Epoch.Close(2, default, Policy, index, [Contribute(brought, control)]).Rewards);
        static double WordsOf(IReadOnlyList<string> some) => some.Sum(t => (double)Words.Count(t));
    }

    // An export that contradicts itself is refused. One that does not is judged by its text, above.
    private static BenchLine Forged(IReadOnlyList<string>[] texts, int count)
    {
        ForgedExport.Slip[] slips = [ForgedExport.Slip.Headers, ForgedExport.Slip.Checkfile, ForgedExport.Slip.Times];
        int paid = Enumerable.Range(0, count).Count(i => !ForgedExport.IsFound(texts[i % texts.Length], slips[i % slips.Length], i));
        return Line("forged exports that contradict themselves: captured", (double)paid / count, 0.01);
    }

    // Verifiers' signatures over one contribution, shown for another: for another owner, asset, epoch's block or words.
    private static BenchLine Replayed(int count)
    {
        int taken = 0;
        for (int i = 0; i < count; i++)
        {
            using var verifier = KeyFile.Create();
            var facts = Contribute(new Brought(i, i, i, ["some words that were attested once"]), Evidence).Facts;
            var signature = verifier.SigningKey.Sign(Messages.Attest(facts));
            Attestation[] others =
            [
                facts with { Contribution = IdOf(i + 1) }, facts with { Owner = OwnerOf(i + 1) }, facts with { Asset = OwnerOf(i + 1) }, facts with { Ledger = OwnerOf(i + 1) },
                facts with { ChainId = 2 }, facts with { Words = facts.Words * 10 }, facts with { TagsHash = IdOf(i + 1) }, facts with { Nullifier = IdOf(i + 1) },
            ];
            taken += Secp256k1.Recover(Messages.Attest(facts), signature) == verifier.SigningKey.Address
                && others.Any(other => Secp256k1.Recover(Messages.Attest(other), signature) == verifier.SigningKey.Address) ? 1 : 0;
        }
        return Line("replayed attestations: captured", (double)taken / count, 0.01);
    }

    private static NoveltyIndex IndexOf(Epoch epoch, IEnumerable<AttestedContribution> contributions)
    {
        var index = new NoveltyIndex();
        var remembered = epoch.Rewards.Where(r => r.IsRemembered).Select(r => r.Contribution).ToHashSet();
        foreach (var contribution in contributions.Where(c => remembered.Contains(c.Facts.Contribution)))
            index.Add(contribution);
        foreach (var reward in epoch.Rewards)
            index.AddVolume(reward.Volume);
        return index;
    }

    private static double Sum(IEnumerable<Reward> rewards) => rewards.Sum(r => (double)r.Amount.Units);

    private static Hash32 IdOf(int number) => new CanonicalWriter("trove/bench/id").UInt32((uint)number).Sha256();

    private static Address OwnerOf(int number) => new(IdOf(number).ToArray().AsSpan(0, Address.Size));

    private static BenchLine Line(string what, double share, double? goal) =>
        new("attacks", what, Math.Round(share * 100, 3), "%", null, "of its worth if it were new and honest", null, goal * 100, goal is null ? null : share <= goal);
}
