using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Trove.Core;
using Trove.Node.Protocol;

namespace Trove.Node.Guardians;

/// <summary>A head that was published, of a log that is not here any more.</summary>
/// <param name="Chain">Number of the chain.</param>
/// <param name="Count">Its entries.</param>
/// <param name="Head">Hash of the last of them.</param>
public sealed record LostHead(uint Chain, ulong Count, Hash32 Head);

/// <summary>
/// An entry of a guardian's log, a line of JSON (specs/custody.md). What does not apply to it is left out. One entry has one form:
/// the fields stand in this order, and text is printable ASCII.
/// </summary>
/// <param name="N">Its number in the chain, from 1.</param>
/// <param name="Prev">SHA-256 of the line before; of the first line <see cref="Genesis"/>.</param>
/// <param name="At">Milliseconds since 1970, by the guardian's clock.</param>
/// <param name="Outcome"><c>begun</c>, <c>released</c>, <c>evaluated</c>, <c>drawn</c>, <c>joined</c>, <c>confirmed</c>, <c>shares-taken</c>, <c>shares-destroyed</c>, <c>refused</c>, <c>alarm</c>, <c>restored</c>, or another word.</param>
/// <param name="Guardian">In the first entry: whose log it is.</param>
/// <param name="Chain">In the first entry: number of the chain, 1 but for those that were begun because entries are lost.</param>
/// <param name="Block">Head of the guardian's chain at a release.</param>
/// <param name="Code">Class of a refusal or alarm.</param>
/// <param name="Lost">In the first entry of a chain after the first: what was published and is not here.</param>
/// <param name="Registry">Of the asset whose committee it is about.</param>
/// <param name="Ceremony">The ceremony.</param>
/// <param name="Verifier">Who asked a question.</param>
/// <param name="Contribution">What the question was for, or was announced; left out for the key of record tags.</param>
/// <param name="Blinded">The element that was to be evaluated.</param>
public sealed record GuardianLogEntry(ulong N, Hash32 Prev, long At, string Outcome, Address? Guardian = null, uint? Chain = null, Address? Asset = null, Hash32? Request = null,
    uint? Use = null, uint? KeyVersion = null, uint? CommitteeEpoch = null, bool? Proofs = null, int? Parts = null, ulong? Block = null, string? Code = null, string? Reason = null, LostHead? Lost = null,
    Address? Registry = null, Hash32? Ceremony = null, Address? Verifier = null, Hash32? Contribution = null, Hash32? Blinded = null)
{
    /// <summary>The first entry of a chain.</summary>
    public const string Begun = "begun";

    /// <summary>Parts were released.</summary>
    public const string Released = "released";

    /// <summary>A verifier's question was answered.</summary>
    public const string Evaluated = "evaluated";

    /// <summary>The verifiers of an announcement were drawn.</summary>
    public const string Drawn = "drawn";

    /// <summary>The first message of a ceremony for a committee goes out.</summary>
    public const string Joined = "joined";

    /// <summary>The confirmation of a ceremony goes out: from now on the chain may take its committee.</summary>
    public const string Confirmed = "confirmed";

    /// <summary>The chain shows a committee, and its shares are kept.</summary>
    public const string SharesTaken = "shares-taken";

    /// <summary>The shares of a former committee are destroyed.</summary>
    public const string SharesDestroyed = "shares-destroyed";

    /// <summary>A release or a question was refused.</summary>
    public const string Refused = "refused";

    /// <summary>Something unusual was asked for.</summary>
    public const string Alarm = "alarm";

    /// <summary>The folder was brought back from a backup.</summary>
    public const string Restored = "restored";

    /// <summary>Longest line in bytes, without its end.</summary>
    public const int MaxLine = 4096;

    private const int MaxText = 500;
    private const int MaxWord = 64;

    private static readonly JsonSerializerOptions Options = new(TroveJson.Options) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    /// <summary>What the first entry of a chain has for the hash of a line before.</summary>
    public static Hash32 Genesis(Address guardian, uint chain) => new CanonicalWriter("trove/guardian-log/1").Address(guardian).UInt32(chain).Sha256();

    /// <summary>The hash that the next entry names.</summary>
    public static Hash32 HashOf(ReadOnlySpan<byte> line) => new(SHA256.HashData(line));

    /// <summary>The line, without its end. Of text that is not printable ASCII each character becomes a question mark; what is too long is cut.</summary>
    public byte[] Encode() => JsonSerializer.SerializeToUtf8Bytes(this with { Outcome = Plain(Outcome, MaxWord)!, Code = Plain(Code, MaxWord), Reason = Plain(Reason, MaxText) }, Options);

    /// <summary>Reads a line, without its end.</summary>
    /// <exception cref="FormatException">It is no entry in the one form that there is.</exception>
    public static GuardianLogEntry Parse(ReadOnlySpan<byte> line)
    {
        if (line.Length > MaxLine)
            throw new FormatException($"a line has {line.Length} bytes; an entry has at most {MaxLine}");
        GuardianLogEntry? entry;
        try
        {
            entry = JsonSerializer.Deserialize<GuardianLogEntry>(line, Options);
        }
        catch (JsonException e)
        {
            throw new FormatException($"a line is no entry of a guardian's log: {e.Path ?? "no JSON"}");
        }
        if (entry is null || entry.N == 0 || entry.At < 0 || entry.Outcome.Length == 0 || entry.Parts < 0 || !entry.Encode().AsSpan().SequenceEqual(line))
            throw new FormatException("a line is no entry of a guardian's log in its one form");
        return entry;
    }

    private static string? Plain(string? text, int max) => text is null ? null
        : string.Create(Math.Min(text.Length, max), text, (target, source) =>
        {
            for (int i = 0; i < target.Length; i++)
                target[i] = source[i] is >= ' ' and <= '~' ? source[i] : '?';
        });
}
