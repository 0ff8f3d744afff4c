using System.Text;

namespace Trove.Exports.Text;

/// <summary>Joins the pieces of a text that are not empty; mostly there is one, which then costs nothing.</summary>
internal struct TextJoin(string separator)
{
    private string? _first;
    private StringBuilder? _all;

    public void Add(string piece)
    {
        if (piece.Length == 0)
            return;
        if (_first is null)
            _first = piece;
        else
            (_all ??= new StringBuilder(_first)).Append(separator).Append(piece);
    }

    public override readonly string ToString() => _all?.ToString() ?? _first ?? "";
}
