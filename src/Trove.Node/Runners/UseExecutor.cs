using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Trove.Core;
using Trove.Core.Queries;
using Trove.Crypto;
using Trove.Exports;
using Trove.Node.Protocol;
using Trove.Node.Queries;

namespace Trove.Node.Runners;

/// <summary>
/// The part of a runner that sees plaintext: a process without network, files or environment (<see cref="Isolation"/>) that talks
/// to its broker through two pipes. It makes the one-time key, opens what guardians released to it, computes, and gives out the
/// result encrypted to the buyer, or the class of a failure. It serves one use and ends.
/// </summary>
public sealed class UseExecutor : IDisposable
{
    private const int MaxJob = 64 << 20;
    private const int MaxAnswers = 64 << 20;

    private readonly Stream _input;
    private readonly Stream _output;
    private readonly X25519Identity _oneTimeKey = X25519Identity.Generate();
    private ExecutorJob _job = null!;
    private X25519Recipient _recipient = null!;
    private ReleasedSecrets _released = null!;

    private UseExecutor(Stream input, Stream output) => (_input, _output) = (input, output);

    /// <summary>Serves one use; exit code 0 when a result or a failure was given out.</summary>
    /// <param name="input">From the broker.</param>
    /// <param name="output">To the broker.</param>
    public static int Run(Stream input, Stream output)
    {
        if (Isolation.Problem() is { } problem)
        {
            Frames.Write(output, Frames.Failed, Encoding.ASCII.GetBytes($"not-isolated-{problem}"));
            return 1;
        }
        return Serve(input, output);
    }

    /// <summary>Wherever it runs.</summary>
    internal static int Serve(Stream input, Stream output)
    {
        using var executor = new UseExecutor(input, output);
        try
        {
            executor.Serve();
        }
        catch (UseFailedException e)
        {
            Frames.Write(output, Frames.Failed, Encoding.ASCII.GetBytes(e.Code));
        }
        catch (EndOfStreamException)
        {
            return 1; // the broker is gone
        }
        catch (OutOfMemoryException)
        {
            Frames.Write(output, Frames.Failed, "out-of-memory"u8);
        }
        // An exception's message may hold something of the data. It ends here.
        catch (Exception)
        {
            Frames.Write(output, Frames.Failed, "internal"u8);
        }
        return 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _oneTimeKey.Dispose();
        _released?.Dispose();
    }

    private void Serve()
    {
        Frames.Write(_output, Frames.Start, _oneTimeKey.Recipient.PublicKey.ToArray());
        _job = ReadJson<ExecutorJob>(Frames.Start, MaxJob);
        var query = _job.Query == CopyFile.Code ? null : Query.Parse(_job.Query);
        _recipient = X25519Recipient.Parse(_job.Recipient);
        _released = new ReleasedSecrets(_job, ThresholdKey.Create(_job.Threshold, _job.Commitments, _recipient), OprfKey.Create(_job.Threshold, _job.OprfCommitments), _oneTimeKey);
        ReadAnswers(proofs: false);
        var result = query is null ? Copy() : Compute(query);
        using var seed = _released.Seed();
        Frames.Write(_output, Frames.Result, [.. _job.InputsHash().ToArray(), .. seed.Seal(result, _job.Request, _job.Use, X25519Recipient.Parse(_job.BuyerKey))]);
    }

    private byte[] Compute(Query query)
    {
        var outcome = QueryRunner.Run(query, checked((int)_job.GroupSize), _job.Epsilon, SeedOfAnswer, Records(), QueryLimits.Default, CancellationToken.None);
        if (outcome.Failure is { } failure)
            throw new UseFailedException(Code(failure));
        return outcome.Result!.ToJson();
    }

    private QuerySeed SeedOfAnswer()
    {
        using var seed = _released.Seed();
        return seed.ForQuery();
    }

    private byte[] Copy()
    {
        using var file = new MemoryStream();
        CopyFile.Begin(file);
        foreach (var (part, key, opening) in Openings())
        {
            using var bytes = new MemoryStream();
            opening.Plaintext.CopyTo(bytes); // no longer than its ciphertext
            if (!CopyFile.TryAdd(file, part.Member, key, bytes.GetBuffer().AsSpan(0, (int)bytes.Length)))
                throw new UseFailedException("too-large");
        }
        return file.ToArray();
    }

    private static string Code(QueryFailure failure) => failure switch
    {
        QueryFailure.TooManyRecords => "too-many-records",
        QueryFailure.TooManyLabels => "too-many-labels",
        QueryFailure.TooManyRows => "too-many-rows",
        QueryFailure.OutOfMemory => "out-of-memory",
        QueryFailure.Timeout => "timeout",
        _ => "internal",
    };

    private IEnumerable<(int Member, Record Record)> Records() =>
        Openings().SelectMany(o => PartReader.Read(o.Key, o.Opening.Plaintext).Select(record => (o.Part.Member, record)));

    // One after the other; each is closed when the next is asked for.
    private IEnumerable<(JobPart Part, PartKey Key, PartOpening Opening)> Openings()
    {
        for (int i = 0; i < _job.Parts.Count; i++)
        {
            var part = _job.Parts[i];
            Frames.Write(_output, Frames.Part, BitConverter.GetBytes(i));
            var ciphertext = Expect(Frames.Part, part.Size);
            if (ciphertext.Length != part.Size || new Hash32(SHA256.HashData(ciphertext)) != part.Sha256)
                throw new UseFailedException("wrong-ciphertext");
            using var opening = Open(i, ciphertext);
            if (!RecordKinds.TryParse(part.Kind, out var kind))
                throw new UseFailedException("unknown-kind");
            yield return (part, new PartKey(kind, part.Year), opening);
        }
    }

    // The stanza's authentication tag says whether the guardians' answers are right. When they are not, they must prove them.
    private PartOpening Open(int number, byte[] ciphertext)
    {
        if (TryOpen(number, ciphertext) is { } opening)
            return opening;
        Frames.Write(_output, Frames.WantProofs, []);
        ReadAnswers(proofs: true);
        return TryOpen(number, ciphertext) ?? throw new UseFailedException("guardians-failed");
    }

    private PartOpening? TryOpen(int number, byte[] ciphertext)
    {
        var part = _job.Parts[number];
        try
        {
            using var secret = _released[number];
            var opening = PartOpening.OpenWithSharedSecretAsync(new MemoryStream(ciphertext, writable: false), _recipient, secret).GetAwaiter().GetResult();
            if (opening.EphemeralShare == part.EphemeralShare && opening.HeaderHash == part.HeaderHash)
                return opening;
            opening.Dispose();
            throw new UseFailedException("other-header");
        }
        catch (AgeException e) when (e.Failure == AgeFailure.NoMatch)
        {
            return null;
        }
    }

    // Until enough answers are right: who answered wrongly is named, and the others are asked to prove theirs.
    private void ReadAnswers(bool proofs)
    {
        for (int round = 0; round < ThresholdKey.MaxGuardians; round++, proofs = true)
        {
            Frames.Write(_output, Frames.Liars, [.. _released.Take(ReadJson<List<JobAnswer>>(Frames.Answers, MaxAnswers), proofs)]);
            if (_released.Complete)
                return;
            Frames.Write(_output, Frames.WantProofs, []);
        }
        throw new UseFailedException("guardians-failed");
    }

    private T ReadJson<T>(byte tag, int limit) => JsonSerializer.Deserialize<T>(Expect(tag, limit), TroveJson.Options) ?? throw new UseFailedException("protocol");

    private byte[] Expect(byte tag, int limit)
    {
        var (found, bytes) = Frames.Read(_input, limit);
        return found == tag ? bytes : throw new UseFailedException("protocol");
    }
}
