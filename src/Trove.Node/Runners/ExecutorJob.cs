using System.Security.Cryptography;
using System.Text.Json;
using Trove.Core;

namespace Trove.Node.Runners;

/// <summary>What a broker gives its executor: what the chain says about one use, and nothing else.</summary>
/// <param name="Asset">Its share token.</param>
/// <param name="CommitteeEpoch">Epoch of the committee whose answers are combined.</param>
/// <param name="Query">Canonical text of the query; of a copy <see cref="Exports.CopyFile.Code"/>.</param>
/// <param name="GroupSize">Members that every cell must have.</param>
/// <param name="Epsilon">ε of a query's answer in millionths, at least 1.</param>
/// <param name="BuyerKey">age recipient of the result.</param>
/// <param name="Recipient">The asset's recipient.</param>
/// <param name="Commitments">The guardians' commitments, in order.</param>
/// <param name="OprfCommitments">Those to their shares of the other key, which makes the seed.</param>
internal sealed record ExecutorJob(Address Asset, Hash32 Request, uint Use, uint KeyVersion, uint CommitteeEpoch, string Query, uint GroupSize, long Epsilon, string BuyerKey, string Recipient,
    int Threshold, IReadOnlyList<Hash32> Commitments, IReadOnlyList<Hash32> OprfCommitments, IReadOnlyList<JobPart> Parts)
{
    /// <summary>What is decrypted and counted, in order.</summary>
    /// <exception cref="JsonException">One of them is null.</exception>
    public IReadOnlyList<JobPart> Parts { get; init; } = Parts.Contains(null!) ? throw new JsonException("a part of the job is null") : Parts;

    /// <summary>Hash of all inputs, in order; what a result is signed over.</summary>
    public Hash32 InputsHash()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData("trove/inputs/1"u8);
        foreach (var part in Parts)
            hash.AppendData(part.Sha256.ToArray());
        return new Hash32(hash.GetHashAndReset());
    }
}

/// <summary>One part of a job.</summary>
/// <param name="Member">Number of its owner within the job.</param>
/// <param name="Proof">Proof of knowledge, whose point guardians multiply.</param>
/// <param name="Context">What proofs are bound to.</param>
internal sealed record JobPart(int Member, string Kind, int Year, Hash32 EphemeralShare, Hash32 HeaderHash, Hash32 Sha256, int Size, byte[] Proof, byte[] Context);

/// <summary>A guardian's sealed answer, with its index.</summary>
internal sealed record JobAnswer(int Index, byte[] Sealed);

/// <summary>A use cannot be computed; the code is all that is said about it.</summary>
internal sealed class UseFailedException(string code) : Exception
{
    public string Code => code;
}

