using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Trove.Tests.Fuzz;

/// <summary>Changes an input at random: bits and bytes, lengths and integers, pieces of it and of others, and the format's own tokens.</summary>
internal sealed class Mutator(FuzzTarget target, Random random)
{
    private static readonly long[] Integers =
        [0, 1, -1, 2, 16, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 512, 1024, 4096, 32767, 32768, 65535, 65536, int.MaxValue, int.MinValue, uint.MaxValue, 1L << 32, long.MaxValue, long.MinValue];

    private static readonly string[] Numbers =
        ["0", "1", "-1", "00", "31", "33", "255", "256", "65536", "2147483647", "2147483648", "4294967295", "4294967296", "9223372036854775807", "9223372036854775808",
            "18446744073709551615", "18446744073709551616", "340282366920938463463374607431768211455", "340282366920938463463374607431768211456", "99999999999999999999999999999999999999999999", "1e400", "0.5", "-0"];

    private readonly JsonMutator _json = new(random);

    /// <summary>One to eight changes of a copy of <paramref name="input"/>.</summary>
    public byte[] Mutate(byte[] input, IReadOnlyList<byte[]> corpus)
    {
        var bytes = new List<byte>(input);
        for (int times = random.Next(2) == 0 ? 1 : 1 << random.Next(4); times > 0; times--)
        {
            if (target.Json && random.Next(3) > 0)
                bytes = _json.Mutate(bytes, Pick(corpus));
            else
                Change(bytes, corpus);
            if (bytes.Count > target.MaxInput)
                bytes.RemoveRange(target.MaxInput, bytes.Count - target.MaxInput);
        }
        return [.. bytes];
    }

    private void Change(List<byte> bytes, IReadOnlyList<byte[]> corpus)
    {
        int at = random.Next(8) == 0 ? random.Next(2) * bytes.Count : random.Next(bytes.Count + 1), length = Math.Min(random.Next(4) == 0 ? random.Next(256) : random.Next(1, 9), bytes.Count - at);
        switch (random.Next(target.Record > 0 ? 18 : 15))
        {
            case 0 when at < bytes.Count:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1 when at < bytes.Count:
                bytes[at] = (byte)random.Next(256);
                break;
            case 2:
                bytes.RemoveRange(at, length);
                break;
            case 3:
                bytes.InsertRange(random.Next(bytes.Count + 1), bytes.GetRange(at, length));
                break;
            case 4 when random.Next(3) == 0:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            case 5 when random.Next(3) == 0: // the head of this with the tail of another
                var other = Pick(corpus);
                bytes.RemoveRange(at, bytes.Count - at);
                bytes.AddRange(other.Skip(random.Next(2) == 0 ? at : random.Next(other.Length + 1)));
                break;
            case 6 or 7 when target.Tokens.Count > 0:
                var token = Pick(target.Tokens);
                if (random.Next(2) == 0)
                    bytes.RemoveRange(at, Math.Min(token.Length, bytes.Count - at));
                bytes.InsertRange(at, token);
                break;
            case 8:
                Write(bytes, at, Integers[random.Next(Integers.Length)], 1 << random.Next(4));
                break;
            case 9: // a number that may be a length: a little more or less, or about all that there is
                int size = 1 << random.Next(4);
                if (bytes.Count - at >= size)
                    Write(bytes, at, random.Next(2) == 0 ? unchecked(Read(bytes, at, size) + random.Next(-4, 5)) : bytes.Count - at - size + random.Next(-1, 2), size);
                break;
            case 10:
                Digits(bytes, at);
                break;
            case 11 when length > 0 && random.Next(3) == 0:
                var piece = bytes.GetRange(at, length);
                for (int n = 1 << random.Next(10); n > 0 && bytes.Count < target.MaxInput; n--)
                    bytes.InsertRange(at, piece);
                break;
            case 12: // exchange two pieces
                int to = random.Next(bytes.Count - length + 1);
                for (int i = 0; i < length; i++)
                    (bytes[at + i], bytes[to + i]) = (bytes[to + i], bytes[at + i]);
                break;
            case 13:
                Lines(bytes);
                break;
            case 14:
                for (int i = 0; i < length; i++)
                    bytes[at + i] = (byte)(random.Next(2) * 255);
                break;
            default:
                Records(bytes);
                break;
        }
    }

    // A run of decimal digits becomes another number.
    private void Digits(List<byte> bytes, int at)
    {
        int start = bytes.FindIndex(at, b => b is >= (byte)'0' and <= (byte)'9');
        if (start < 0)
            return;
        int end = start;
        while (end < bytes.Count && bytes[end] is >= (byte)'0' and <= (byte)'9')
            end++;
        var text = Encoding.ASCII.GetString([.. bytes.GetRange(start, end - start)]);
        bytes.RemoveRange(start, end - start);
        bytes.InsertRange(start, Encoding.ASCII.GetBytes(random.Next(2) == 0 && long.TryParse(text, out long value)
            ? unchecked(value + random.Next(-2, 3)).ToString(CultureInfo.InvariantCulture) : Numbers[random.Next(Numbers.Length)]));
    }

    private void Lines(List<byte> bytes)
    {
        var lines = Encoding.Latin1.GetString([.. bytes]).Split('\n').ToList();
        int from = random.Next(lines.Count), to = random.Next(lines.Count);
        switch (random.Next(3))
        {
            case 0:
                lines.Insert(to, lines[from]);
                break;
            case 1 when lines.Count > 1:
                lines.RemoveAt(from);
                break;
            default:
                (lines[from], lines[to]) = (lines[to], lines[from]);
                break;
        }
        bytes.Clear();
        bytes.AddRange(Encoding.Latin1.GetBytes(string.Join('\n', lines)));
    }

    private void Records(List<byte> bytes)
    {
        int size = target.Record;
        if (size == 0 || bytes.Count < size)
            return;
        int shift = bytes.Count % size, count = bytes.Count / size;
        int from = shift + random.Next(count) * size, to = shift + random.Next(count) * size;
        var record = bytes.GetRange(from, size);
        switch (random.Next(4))
        {
            case 0:
                bytes.InsertRange(to, record);
                break;
            case 1:
                bytes.RemoveRange(from, size);
                break;
            case 2:
                bytes.RemoveRange(to, size);
                bytes.InsertRange(to, record);
                break;
            default: // its last byte, where big-endian words have their smallest part
                bytes[from + size - 1] = unchecked((byte)(bytes[from + size - 1] + random.Next(-2, 3)));
                break;
        }
    }

    private void Write(List<byte> bytes, int at, long value, int size)
    {
        Span<byte> word = stackalloc byte[8];
        bool little = random.Next(2) == 0;
        if (little)
            BinaryPrimitives.WriteInt64LittleEndian(word, value);
        else
            BinaryPrimitives.WriteInt64BigEndian(word, value);
        for (int i = 0; i < size && at + i < bytes.Count; i++)
            bytes[at + i] = word[little ? i : 8 - size + i];
    }

    private static long Read(List<byte> bytes, int at, int size)
    {
        ulong value = 0;
        for (int i = 0; i < size; i++)
            value = (value << 8) | bytes[at + i];
        return unchecked((long)value);
    }

    private byte[] Pick(IReadOnlyList<byte[]> from) => from[random.Next(from.Count)];
}
