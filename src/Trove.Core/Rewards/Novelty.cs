namespace Trove.Core.Rewards;

/// <summary>How much of a contribution nobody had brought before. All but the last in basis points of a word.</summary>
/// <param name="Score">Words times quality of all its records.</param>
/// <param name="Novel">What is new of that, and paid.</param>
/// <param name="Known">Records that an earlier epoch has, word for word.</param>
/// <param name="Repeated">Records that an earlier contribution of this epoch has, word for word.</param>
/// <param name="Near">What passages took away that others, or other records of its own, have too.</param>
/// <param name="Overlap">Of all its passages that are in no exact copy, how many others had before, in basis points.</param>
public readonly record struct Novelty(ulong Score, ulong Novel, ulong Known, ulong Repeated, ulong Near, uint Overlap)
{
    /// <summary>Up to this share of known passages a text is new: everybody says some things that were said before.</summary>
    public const uint Natural = 1_000;

    /// <summary>From this share on it is a copy.</summary>
    public const uint Copied = 2_000;

    /// <summary>
    /// Holds a contribution against what is there. An edited copy has a good part of its passages from elsewhere: a record of which
    /// more than <see cref="Natural"/> is known earns less, and nothing from <see cref="Copied"/> on; so does the contribution as a
    /// whole, by which copies in small pieces are found that show little each.
    /// </summary>
    /// <param name="tags">Its records.</param>
    /// <param name="index">What earlier epochs had.</param>
    /// <param name="seen">What earlier contributions of this epoch had.</param>
    public static Novelty Of(TagList tags, NoveltyIndex index, NoveltyIndex seen)
    {
        ulong score = 0, known = 0, repeated = 0;
        long passages = 0, shared = 0;
        var others = new List<TagList.Entry>();
        foreach (var entry in tags.Entries)
        {
            score += entry.Score;
            if (index.HasRecord(entry.Tag))
            {
                known += entry.Score;
            }
            else if (seen.HasRecord(entry.Tag))
            {
                repeated += entry.Score;
            }
            else
            {
                others.Add(entry);
                passages += entry.Count;
                foreach (ulong fingerprint in tags.FingerprintsOf(entry))
                    shared += index.HasFingerprint(fingerprint) || seen.HasFingerprint(fingerprint) ? 1 : 0;
            }
        }

        uint overlap = Share(shared, passages), whole = Fresh(overlap);
        ulong novel = 0;
        var own = new HashSet<ulong>();
        // What is worth most first, so that it does not matter in which order a member brings records that resemble each other.
        foreach (var entry in others.OrderByDescending(e => e.Score).ThenBy(e => e.Tag))
        {
            var fingerprints = tags.FingerprintsOf(entry);
            int elsewhere = 0;
            foreach (ulong fingerprint in fingerprints)
                elsewhere += !own.Add(fingerprint) || index.HasFingerprint(fingerprint) || seen.HasFingerprint(fingerprint) ? 1 : 0;
            novel += (ulong)entry.Score * Math.Min(whole, Fresh(Share(elsewhere, entry.Count))) / RecordScore.Full;
        }
        return new Novelty(score, novel, known, repeated, score - novel - known - repeated, overlap);
    }

    // One of several may be chance: a phrase that everybody uses.
    private static uint Share(long known, long passages) => passages == 0 ? 0 : (uint)((passages == 1 ? known : Math.Max(0, known - 1)) * RecordScore.Full / passages);

    /// <summary>What is left of a text's worth when this share of its passages is known; both in basis points.</summary>
    public static uint Fresh(uint overlap) => overlap <= Natural ? RecordScore.Full
        : overlap >= Copied ? 0
        : (Copied - overlap) * RecordScore.Full / (Copied - Natural);
}
