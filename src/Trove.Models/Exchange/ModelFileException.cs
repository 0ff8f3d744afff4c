namespace Trove.Models.Exchange;

/// <summary>A model's file cannot be taken: it is damaged, hostile, or of a kind that this engine does not run. Says which file and what about it.</summary>
public sealed class ModelFileException(string file, string problem) : Exception($"{file}: {problem}")
{
    /// <summary>Its name.</summary>
    public string File => file;
}
