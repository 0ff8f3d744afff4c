namespace Trove.Tests;

/// <summary>Alone in the process while it counts what all threads allocate.</summary>
[CollectionDefinition(nameof(CountsAllocations), DisableParallelization = true)]
public class CountsAllocations;
