using System.Text.Json;

namespace Trove.Exports.Text;

/// <summary>Reads the elements of a top-level JSON array one by one: a <see cref="JsonPathReader"/> at <c>[]</c>.</summary>
internal sealed class JsonArrayReader(Stream stream, ExportLimits limits)
{
    private readonly JsonPathReader _elements = new(stream, limits, "[]");

    /// <summary>How many elements were read.</summary>
    public long Count => _elements.Count;

    /// <summary>The next element, which the caller disposes; null at the end of the array.</summary>
    /// <exception cref="InvalidDataException">It is not a JSON array, is cut short, or an element breaks a limit.</exception>
    public JsonDocument? Next() => _elements.Next();
}
