namespace Trove.Crypto;

/// <summary>What must not leave a process that holds keys or members' texts.</summary>
public static class ProcessMemory
{
    private const int SetDumpable = 4; // PR_SET_DUMPABLE, linux/prctl.h

    /// <summary>
    /// No core dump of this process from now on, whatever limits and patterns say, and nobody but root can look into it
    /// (prctl(2), PR_SET_DUMPABLE): what is in memory only would be in a file otherwise.
    /// </summary>
    /// <returns>False when the kernel refuses.</returns>
    public static bool ForbidDumps() => Native.prctl(SetDumpable, 0, 0, 0, 0) == 0;
}
