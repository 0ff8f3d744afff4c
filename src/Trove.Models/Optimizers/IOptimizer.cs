using Trove.Models.Compute;

namespace Trove.Models.Optimizers;

/// <summary>Turns gradients into new weights. The same gradients give the same bits, for any number of threads.</summary>
public interface IOptimizer : IDisposable
{
    /// <summary>One step.</summary>
    /// <param name="loss">Its loss: an infinite one or NaN voids the step.</param>
    /// <param name="rate">The learning rate's share of its peak, as of <see cref="Schedule"/>: 1 at the peak.</param>
    StepOutcome Step(WorkPool pool, Gradients gradients, double loss, double rate);
}
