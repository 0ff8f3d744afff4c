namespace Trove.Core.Ceremonies;

/// <summary>Who holds an asset's key in shares from one epoch of the key on.</summary>
public sealed class Committee
{
    /// <summary>Most guardians of an asset.</summary>
    public const int MaxGuardians = 16;

    /// <summary>A committee of distinct guardians.</summary>
    /// <param name="epoch">Counts the committees of one key.</param>
    /// <param name="threshold">How many decrypt together, from 1 to all.</param>
    /// <param name="guardians">Their registered addresses; the index of the first is 1.</param>
    /// <exception cref="CeremonyException">The numbers are out of bounds, or an address is zero or stands twice.</exception>
    public Committee(uint epoch, int threshold, IReadOnlyList<Address> guardians)
    {
        if (guardians.Count is < 1 or > MaxGuardians || threshold < 1 || threshold > guardians.Count)
            throw new CeremonyException($"a committee has 1 to {MaxGuardians} guardians, of whom 1 to all decrypt together; {threshold} of {guardians.Count} is not possible");
        if (guardians.Any(g => g.IsZero) || guardians.Distinct().Count() != guardians.Count)
            throw new CeremonyException("a committee's guardians are distinct addresses, none of them zero; name each once");
        (Epoch, Threshold, Guardians) = (epoch, threshold, [.. guardians]);
    }

    /// <summary>Counts the committees of one key.</summary>
    public uint Epoch { get; }

    /// <summary>How many decrypt together.</summary>
    public int Threshold { get; }

    /// <summary>Guardian 1 first.</summary>
    public IReadOnlyList<Address> Guardians { get; }

    /// <summary>The guardian's index, from 1; 0 for who is none.</summary>
    public int IndexOf(Address guardian)
    {
        for (int i = 0; i < Guardians.Count; i++)
        {
            if (Guardians[i] == guardian)
                return i + 1;
        }
        return 0;
    }
}
