using System.Buffers.Binary;
using System.Text;
using Trove.Models.Exchange;

namespace Trove.Models.Training;

/// <summary>A point of a run's curve.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Loss">Mean loss of the tokens since the point before, in nats; NaN if every step was voided.</param>
/// <param name="Validation">Loss on the validation's tokens; NaN where it was not computed.</param>
public readonly record struct CurvePoint(long Step, double Loss, double Validation);

/// <summary>What a checkpoint says beside weights and moments.</summary>
/// <param name="Facts">What the run is of, by name: to go on, all of it must be the same.</param>
/// <param name="Step">Steps done, which is also the place in the data.</param>
/// <param name="Voided">Of them without effect, because loss or gradients were not finite.</param>
/// <param name="OptimizerSteps">Steps the optimiser has applied.</param>
/// <param name="LossSum">Sum of the losses since the last point of the curve.</param>
/// <param name="LossTokens">Their tokens.</param>
/// <param name="Curve">So far.</param>
/// <param name="Sections">Floats of each array that follows.</param>
public sealed record CheckpointHead(
    IReadOnlyList<KeyValuePair<string, string>> Facts, long Step, long Voided, long OptimizerSteps, double LossSum, long LossTokens, IReadOnlyList<CurvePoint> Curve, IReadOnlyList<long> Sections)
{
    /// <summary>Longest there is: a checkpoint that claims more is none of ours.</summary>
    public const int MaxBytes = 1 << 24;

    private const int MaxFacts = 64, MaxText = 1024, MaxPoints = 4096, MaxSections = 1 << 18;

    /// <summary>Its bytes: little-endian integers and doubles, texts in UTF-8 behind their lengths of two bytes.</summary>
    public byte[] Write()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write((ushort)Facts.Count);
        foreach (var (name, value) in Facts)
        {
            WriteText(writer, name);
            WriteText(writer, value);
        }
        writer.Write(Step);
        writer.Write(Voided);
        writer.Write(OptimizerSteps);
        writer.Write(LossSum);
        writer.Write(LossTokens);
        writer.Write(Curve.Count);
        foreach (var point in Curve)
        {
            writer.Write(point.Step);
            writer.Write(point.Loss);
            writer.Write(point.Validation);
        }
        writer.Write(Sections.Count);
        foreach (long length in Sections)
            writer.Write(length);
        writer.Flush();
        return stream.ToArray();
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <param name="file">Its name, for errors.</param>
    /// <param name="bytes">All of it.</param>
    /// <exception cref="ModelFileException">It was not written by <see cref="Write"/>.</exception>
    public static CheckpointHead Read(string file, ReadOnlySpan<byte> bytes)
    {
        var reader = new Reader(file, bytes);
        var facts = new KeyValuePair<string, string>[reader.Count(reader.UInt16(), MaxFacts, 2 * sizeof(ushort), "facts")];
        for (int i = 0; i < facts.Length; i++)
            facts[i] = new(reader.Text(), reader.Text());
        long step = reader.Number("steps"), voided = reader.Number("voided steps"), optimizerSteps = reader.Number("steps of the optimizer");
        double lossSum = reader.Double();
        long lossTokens = reader.Number("tokens");
        var curve = new CurvePoint[reader.Count(reader.UInt32(), MaxPoints, 3 * sizeof(long), "points of a curve")];
        for (int i = 0; i < curve.Length; i++)
            curve[i] = new CurvePoint(reader.Number("steps"), reader.Double(), reader.Double());
        var sections = new long[reader.Count(reader.UInt32(), MaxSections, sizeof(long), "arrays")];
        for (int i = 0; i < sections.Length; i++)
            sections[i] = reader.Number("floats");
        reader.End();
        return new CheckpointHead(facts, step, voided, optimizerSteps, lossSum, lossTokens, curve, sections);
    }

    private static void WriteText(BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        if (bytes.Length > MaxText)
            throw new ArgumentException($"a fact of a run is longer than {MaxText} bytes: {text[..40]}…");
        writer.Write((ushort)bytes.Length);
        writer.Write(bytes);
    }

    private ref struct Reader(string file, ReadOnlySpan<byte> rest)
    {
        private ReadOnlySpan<byte> _rest = rest;

        public ushort UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(sizeof(ushort)));

        public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)));

        public double Double() => BinaryPrimitives.ReadDoubleLittleEndian(Take(sizeof(double)));

        public long Number(string what) => BinaryPrimitives.ReadInt64LittleEndian(Take(sizeof(long))) is >= 0 and var number ? number : throw Damaged($"a negative number of {what}");

        // What is claimed must be there before anything is allocated for it.
        public readonly int Count(uint count, int most, int leastBytes, string what) =>
            count <= most && (long)count * leastBytes <= _rest.Length ? (int)count : throw Damaged($"{count:N0} {what}");

        public string Text()
        {
            int length = UInt16();
            if (length > MaxText)
                throw Damaged($"a text of {length:N0} bytes");
            var bytes = Take(length);
            return System.Text.Unicode.Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : throw Damaged("a text that is no UTF-8");
        }

        public readonly void End()
        {
            if (_rest.Length > 0)
                throw Damaged($"{_rest.Length:N0} bytes behind its end");
        }

        private ReadOnlySpan<byte> Take(int length)
        {
            if (length > _rest.Length)
                throw Damaged("a head that is cut off");
            var taken = _rest[..length];
            _rest = _rest[length..];
            return taken;
        }

        private readonly ModelFileException Damaged(string what) => new(file, $"it is no checkpoint, or a damaged one: it has {what}");
    }
}
