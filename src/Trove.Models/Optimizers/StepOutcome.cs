namespace Trove.Models.Optimizers;

/// <summary>What came of a step.</summary>
/// <param name="Applied">False: loss or norm was infinite or NaN, and neither weights nor the optimiser's state were touched.</param>
/// <param name="Norm">The gradients' norm before clipping.</param>
public readonly record struct StepOutcome(bool Applied, double Norm);
