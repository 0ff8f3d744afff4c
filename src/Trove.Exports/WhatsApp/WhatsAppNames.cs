namespace Trove.Exports.WhatsApp;

/// <summary>The authors of a chat as names; a chat has few, so that each is made once.</summary>
internal sealed class WhatsAppNames
{
    private const int Most = 64;

    private readonly List<(byte[] Raw, string Name)> _known = [];

    public string Of(ReadOnlySpan<byte> raw)
    {
        foreach (var (bytes, known) in _known)
        {
            if (raw.SequenceEqual(bytes))
                return known;
        }
        var name = WhatsAppLine.Name(raw);
        if (_known.Count < Most)
            _known.Add((raw.ToArray(), name));
        return name;
    }
}
