namespace Trove.Models.Training;

/// <summary>A checkpoint is of another run: going on from it would end in weights that no run of its own gives.</summary>
public sealed class OtherRunException(string file, string what, string theirs, string ours) : Exception($"{file} is of another run: its {what} is {theirs}, and here it is {ours}");
