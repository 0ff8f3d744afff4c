using Trove.Crypto;
using Trove.Node.Guardians;

namespace Trove.Node.Runners;

/// <summary>
/// What guardians released for one use, combined: the secrets that open its parts and the seed, of answers of one committee, key version and use.
/// Says who answered wrongly, and whether proofs are needed to find out.
/// </summary>
internal sealed class ReleasedSecrets(ExecutorJob job, ThresholdKey key, OprfKey function, X25519Identity oneTimeKey) : IDisposable
{
    private static readonly int Threads = Environment.ProcessorCount;
    private readonly ReleaseHeader _header = new(job.Request, job.Use, job.KeyVersion, job.CommitteeEpoch);
    private readonly OprfBlinding _input = UseSeed.Input(job.Asset, job.Request, job.Use);
    private IReadOnlyList<OprfEvaluation> _evaluations = []; // each proven
    private IReadOnlyList<ProvenPoint>? _points;
    private CombinedSecrets? _secrets;

    /// <summary>Are there answers of enough guardians that do not contradict each other? Without proofs they may be wrong nonetheless.</summary>
    public bool Complete { get; private set; }

    /// <summary>The shared secret of one part, a copy for the caller to dispose.</summary>
    public SecretBytes this[int part] => new(_secrets![part]);

    /// <summary>
    /// The use's seed, once all parts were opened with the secrets: only that shows that these are the right ones. The caller disposes it.
    /// </summary>
    public UseSeed Seed()
    {
        using var output = _input.Finish(function, _evaluations);
        return new UseSeed(output[0], _secrets is null ? [] : _secrets.All);
    }

    /// <summary>Takes answers in place of those before.</summary>
    /// <param name="answers">One of a guardian.</param>
    /// <param name="proofs">Count only answers that are proven to be right.</param>
    /// <returns>Indices of the guardians whose answer is no release of these parts, whose evaluation is wrong, or whose partial decryptions are not proven
    /// where they have to be.</returns>
    public IReadOnlyList<byte> Take(IReadOnlyList<JobAnswer> answers, bool proofs)
    {
        var (good, liars) = (new List<ReleaseFile>(), new List<byte>());
        try
        {
            foreach (var answer in answers)
            {
                if (ReleaseFile.OpenAsync(answer.Sealed, oneTimeKey, _header, answer.Index, CancellationToken.None).GetAwaiter().GetResult() is { } release)
                {
                    if (release.Count == job.Parts.Count && function.Verify(_input.Blinded.Span, release.Evaluation) && (!proofs || IsProven(release)))
                    {
                        good.Add(release);
                        continue;
                    }
                    release.Dispose();
                }
                liars.Add((byte)answer.Index);
            }
            Combine(good, proofs);
            return liars;
        }
        finally
        {
            good.ForEach(r => r.Dispose());
        }
    }

    /// <summary>Zeroes the secrets.</summary>
    public void Dispose()
    {
        _secrets?.Dispose();
        _input.Dispose();
    }

    private bool IsProven(ReleaseFile release)
    {
        if (release.Partials is not { } partials)
            return true; // of no parts
        _points ??= [.. job.Parts.Select(p => ProvenPoint.Check(p.Proof, p.EphemeralShare, p.Context))];
        return release.Proof is { } proof && key.Verify(_points, partials, proof, _header.Encode(), Threads);
    }

    private void Combine(List<ReleaseFile> good, bool proven)
    {
        _secrets?.Dispose();
        (_secrets, _evaluations, Complete) = (null, [.. good.Select(r => r.Evaluation)], good.Count >= key.Threshold);
        if (!Complete || job.Parts.Count == 0)
            return;
        try
        {
            // Of what is proven there is nothing left to compare.
            _secrets = key.Combine([.. good.Take(proven ? key.Threshold : good.Count).Select(r => r.Partials!)], Threads);
        }
        // A lie of somebody's: proofs will show whose.
        catch (ThresholdException)
        {
            Complete = false;
        }
    }
}
