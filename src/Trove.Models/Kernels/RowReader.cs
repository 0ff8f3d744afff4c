namespace Trove.Models.Kernels;

/// <summary>Gives rows of a matrix, wherever they are. Called by several threads at once.</summary>
/// <param name="row">The first.</param>
/// <param name="to">Written: as many whole rows as have room.</param>
internal delegate void RowReader(int row, Span<float> to);
