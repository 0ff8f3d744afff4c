using System.Numerics;

namespace Trove.Core.Payouts;

/// <summary>How the shares of a contribution vest: in equal steps, one with each later epoch that is posted (specs/money.md, "Vesting").</summary>
/// <param name="Epochs">Fixed by the ledger when the asset was founded; 0: all at once, with their own epoch.</param>
public readonly record struct Vesting(int Epochs)
{
    /// <summary>Most epochs that shares can take: the ledger's MAX_VESTING.</summary>
    public const int Max = 15;

    /// <summary>Steps of every leaf: one at least.</summary>
    public int Steps => Math.Max(Epochs, 1);

    /// <summary>Steps of an epoch's leaves that have vested when <paramref name="latest"/> is the last epoch posted.</summary>
    public int Due(ulong epoch, ulong latest) => Epochs == 0 ? 1 : latest <= epoch ? 0 : (int)Math.Min(latest - epoch, (ulong)Epochs);

    /// <summary>What so many steps are of an amount. Rounded down, so that all of them are the whole.</summary>
    public Shares Of(Shares amount, int steps) => new((UInt128)((BigInteger)amount.Units * steps / Steps));

    /// <summary>
    /// Steps that a node hands out without being asked, of those that have vested: 1, 2, 4, 8 and the last. Each transfer costs gas;
    /// like this more than half of what has vested votes at any time, for five transfers instead of fifteen.
    /// </summary>
    public int Unasked(int due) => due == Steps || due == 0 ? due : 1 << BitOperations.Log2((uint)due);
}

/// <summary>One leaf of a posted epoch, as far as its shares are concerned.</summary>
public sealed record EpochShare(ulong Epoch, uint Index, Hash32 Contribution, Address Owner, Shares Amount);

/// <summary>A leaf by its place.</summary>
public readonly record struct LeafPlace(ulong Epoch, uint Index);
