using Trove.Models.Compute;

namespace Trove.Models;

/// <summary>
/// What happens with gradients of weights: they are summed (<see cref="Gradients"/>), or only what is asked about them is
/// computed, such as their product with another vector, without ever holding them. Calls come in a fixed order, on the
/// thread that runs backward; the memory given is valid during the call only. An exception ends backward.
/// </summary>
public unsafe interface IGradientSink
{
    /// <summary>dW += dyᵀ·x, and db += Σ dy where the layer has a bias.</summary>
    /// <param name="x">[rows, inputs]</param>
    /// <param name="dy">[rows, outputs]</param>
    void Linear(WorkPool pool, in Linear layer, int rows, float* x, float* dy);

    /// <summary>The gain at <paramref name="offset"/> gets the sum of the rows, added in order.</summary>
    /// <param name="partials">[rows, width]</param>
    void Gain(WorkPool pool, long offset, int rows, int width, float* partials);

    /// <summary>Row tokens[t] of the [vocabulary, width] matrix at <paramref name="offset"/> gets dy[t], in the order of t.</summary>
    /// <param name="dy">[rows, width]</param>
    void Embedding(WorkPool pool, long offset, int vocabulary, int rows, int width, int* tokens, float* dy);
}
