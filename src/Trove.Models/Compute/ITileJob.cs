namespace Trove.Models.Compute;

/// <summary>
/// Work cut into tiles that may run in any order and at the same time, each exactly once. What a tile writes, no other tile
/// of the same job reads or writes: then results do not depend on who computes what.
/// </summary>
public interface ITileJob
{
    /// <summary>Computes one tile.</summary>
    /// <param name="tile">0 ≤ tile &lt; the number of tiles given to <see cref="WorkPool.Run{T}"/>.</param>
    void Run(int tile);
}
