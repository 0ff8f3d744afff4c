namespace Trove.Models.Exchange;

/// <summary>
/// Puts a file in its place, whole and on disk, or not at all. The engine knows nothing of disks: who calls it says how.
/// </summary>
/// <param name="path">Its place.</param>
/// <param name="write">Writes what is in it.</param>
public delegate void FileWriter(string path, Action<Stream> write);
