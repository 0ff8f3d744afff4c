namespace Trove.Models;

/// <summary>What a tensor does, for initialisation, optimisers and compression.</summary>
public enum TensorRole
{
    /// <summary>A matrix that reads the residual stream: queries, keys, values, gate, up.</summary>
    ResidualReading,

    /// <summary>A matrix that writes to the residual stream: attention's output, down.</summary>
    ResidualWriting,

    /// <summary>A row for each token id: the embedding, and an output layer of its own.</summary>
    Embedding,

    /// <summary>The gain of a normalisation.</summary>
    Norm,

    /// <summary>A bias.</summary>
    Bias,
}

/// <summary>One named tensor of a model, row-major in the flat arena of its parameters.</summary>
/// <param name="Index">Its number, and the stream of its initial values.</param>
/// <param name="Name">As Hugging Face names it.</param>
/// <param name="Rows">Outputs; 1 for a vector.</param>
/// <param name="Columns">Inputs, or a vector's length.</param>
/// <param name="Offset">Its first float in the arena.</param>
/// <param name="Role">What it does.</param>
public sealed record Tensor(int Index, string Name, int Rows, int Columns, long Offset, TensorRole Role)
{
    /// <summary>Floats.</summary>
    public long Length => (long)Rows * Columns;

    /// <summary>[rows, columns], or [length] of a vector.</summary>
    public int[] Shape => Role is TensorRole.Norm or TensorRole.Bias ? [Columns] : [Rows, Columns];
}
