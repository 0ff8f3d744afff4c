using System.Text.Json;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Node.Protocol;

namespace Trove.Cli.Direct;

/// <summary>Finds, among signed statements and what the chain has, two that one key signed and that cannot both be true.</summary>
internal static class Contradictions
{
    private const int MaxBytes = 1 << 20; // some thousand statements

    /// <summary>A file of statements.</summary>
    /// <exception cref="CommandException">It is none.</exception>
    public static SignedStatements Open(FileInfo file)
    {
        try
        {
            if (file.Exists && file.Length <= MaxBytes && JsonSerializer.Deserialize<SignedStatements>(File.ReadAllBytes(file.FullName), TroveJson.Options) is { Roots: not null, Results: not null } read
                && !read.Roots.Contains(null!) && !read.Results.Contains(null!))
                return read;
        }
        catch (JsonException)
        {
            // Said below.
        }
        throw new CommandException($"'{Shared.Safe(file.Name)}' is no file of signed statements", "name one that a node left in its folder 'contradictions' (specs/grants.md#two-signatures)");
    }

    /// <summary>Two that contradict each other, and the call that shows them.</summary>
    /// <returns>Who signed both.</returns>
    /// <exception cref="CommandException">There are no two, or nothing is left to lose.</exception>
    public static async Task<(Address Who, Func<Stakes, ContractCall> Show)> FindAsync(DirectClient chain, AssetInfo asset, IReadOnlyList<SignedStatements> files, CancellationToken ct)
    {
        ulong chainId = (await chain.InfoAsync(ct)).ChainId;
        var roots = files.Where(f => f.Asset == asset.Asset).SelectMany(f => f.Roots).ToList();
        foreach (ulong epoch in roots.Select(r => r.Epoch).Distinct().ToList())
            roots.AddRange(await chain.PostedRootsAsync(epoch, ct));
        var results = files.Where(f => f.Asset == asset.Asset).SelectMany(f => f.Results).ToList();
        foreach (var (request, use, runner) in results.Select(r => (r.Request, r.Use, r.Runner)).Distinct().ToList())
            results.AddRange(await chain.PostedResultsAsync(request, use, runner, ct));
        bool spent = false;
        foreach (var (a, b, who) in Pairs(roots, (x, y) => x.Contradicts(y), r => r.Signer(chainId, asset.Ledger)))
            if (await HasStakeAsync(who))
                return (who, stakes => stakes.ShowTwoRoots(a.ToAbi(), Hex.Decode(a.Signature), b.ToAbi(), Hex.Decode(b.Signature)));
        foreach (var (a, b, who) in Pairs(results, (x, y) => x.Contradicts(y), r => r.Signer(chainId, asset.Grants) is var signer && signer == r.Runner ? signer : null))
            if (await HasStakeAsync(who))
                return (who, stakes => stakes.ShowTwoResults(a.ToAbi(), Hex.Decode(a.Signature), b.ToAbi(), Hex.Decode(b.Signature)));
        throw spent ? new CommandException("who signed two different things has nothing at stake any more", "see 'trove stake slashings'")
            : new CommandException($"among {roots.Count} roots and {results.Count} results, those of the chain included, no two of one signer contradict each other", "what somebody said once is no proof; find the other");

        async Task<bool> HasStakeAsync(Address who)
        {
            var stake = await chain.StakeAsync(asset.Asset, who, ct);
            spent = true;
            return stake.Active.Units + stake.Leaving.Units > 0;
        }
    }

    private static IEnumerable<(T A, T B, Address Who)> Pairs<T>(IReadOnlyList<T> all, Func<T, T, bool> contradict, Func<T, Address?> signer)
    {
        var signed = all.Select(s => (Statement: s, By: signer(s))).Where(s => s.By is not null).ToList();
        for (int i = 0; i < signed.Count; i++)
            for (int j = i + 1; j < signed.Count; j++)
                if (signed[i].By == signed[j].By && contradict(signed[i].Statement, signed[j].Statement))
                    yield return (signed[i].Statement, signed[j].Statement, signed[i].By!.Value);
    }
}
