namespace Trove.Models.Kernels;

/// <summary>Which factor of a product is transposed. All matrices are row-major.</summary>
public enum GemmKind
{
    /// <summary>C = A·B with A [m, k] and B [k, n]: a layer's gradient of its input.</summary>
    NN,

    /// <summary>C = A·Bᵀ with A [m, k] and B [n, k]: a layer's output, its weights stored [out, in].</summary>
    NT,

    /// <summary>C = Aᵀ·B with A [k, m] and B [k, n]: a layer's gradient of its weights.</summary>
    TN,
}
