using System.Buffers.Binary;

namespace Trove.Exports.Source;

/// <summary>
/// CRC-32 of ZIP (APPNOTE 4.4.7, polynomial 0xEDB88320): finds damage, not forgery. The BCL has it only in a package. Eight bytes at a
/// time by eight tables (Kounavis and Berry, "Novel table lookup-based algorithms for high-performance CRC generation", 2008).
/// </summary>
internal struct Crc32()
{
    private const int Slices = 8;

    private static readonly uint[] Tables = Make();
    private uint _state = 0xFFFFFFFF;

    public readonly uint Value => ~_state;

    public void Append(ReadOnlySpan<byte> data)
    {
        uint state = _state;
        var tables = Tables;
        for (; data.Length >= Slices; data = data[Slices..])
        {
            uint low = state ^ BinaryPrimitives.ReadUInt32LittleEndian(data), high = BinaryPrimitives.ReadUInt32LittleEndian(data[4..]);
            state = tables[0x700 | (low & 0xFF)] ^ tables[0x600 | ((low >> 8) & 0xFF)] ^ tables[0x500 | ((low >> 16) & 0xFF)] ^ tables[0x400 | (low >> 24)]
                ^ tables[0x300 | (high & 0xFF)] ^ tables[0x200 | ((high >> 8) & 0xFF)] ^ tables[0x100 | ((high >> 16) & 0xFF)] ^ tables[high >> 24];
        }
        foreach (byte b in data)
            state = tables[(state ^ b) & 0xFF] ^ (state >> 8);
        _state = state;
    }

    // Of 256 entries each: what a byte does to the state that has 0 to 7 more bytes behind it.
    private static uint[] Make()
    {
        var tables = new uint[Slices * 256];
        for (uint index = 0; index < 256; index++)
        {
            uint value = index;
            for (int bit = 0; bit < 8; bit++)
                value = (value & 1) == 0 ? value >> 1 : 0xEDB88320 ^ (value >> 1);
            tables[index] = value;
        }
        for (int i = 256; i < tables.Length; i++)
            tables[i] = tables[tables[i - 256] & 0xFF] ^ (tables[i - 256] >> 8);
        return tables;
    }
}
