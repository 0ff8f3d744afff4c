using System.Text.Json;
using Trove.Chain.Durability;
using Trove.Core;
using Trove.Node.Protocol;

namespace Trove.Cli.Contributing;

/// <summary>
/// What a member needs to withdraw a contribution without any node: the salt that its identifier was made of. Kept on the member's own
/// machine, from before a node hears of it; of no use to anybody without the owner's signature.
/// </summary>
/// <param name="Asset">The share token.</param>
/// <param name="Contribution">Its identifier.</param>
/// <param name="Owner">Who contributed.</param>
/// <param name="Salt">32 random bytes (specs/parts.md).</param>
internal sealed record Receipt(Address Asset, Hash32 Contribution, Address Owner, Hash32 Salt)
{
    private const int MaxBytes = 4096;

    /// <summary>Keeps it for good in a member's folder.</summary>
    public void Keep(string home)
    {
        Directory.CreateDirectory(FolderIn(home), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        DurableFile.Write(FileIn(home, Contribution), file => JsonSerializer.Serialize(file, this, TroveJson.Options));
    }

    /// <summary>The receipt of a contribution.</summary>
    /// <exception cref="CommandException">There is none on this machine, or the file is none.</exception>
    public static Receipt Of(Hash32 contribution)
    {
        var file = new FileInfo(FileIn(Shared.DefaultData, contribution));
        if (!file.Exists)
            throw new CommandException($"this machine has no receipt of contribution {contribution}, and without its salt only a node that has it can withdraw it",
                $"copy {file.FullName} from the machine that contributed it, or leave out --direct");
        try
        {
            if (file.Length <= MaxBytes && JsonSerializer.Deserialize<Receipt>(File.ReadAllBytes(file.FullName), TroveJson.Options) is { } receipt && receipt.Contribution == contribution)
                return receipt;
        }
        catch (JsonException)
        {
            // Said below.
        }
        throw new CommandException($"{file.FullName} is not the receipt of contribution {contribution}", "copy it from the machine that contributed it");
    }

    private static string FolderIn(string home) => Path.Combine(home, "receipts");

    private static string FileIn(string home, Hash32 contribution) => Path.Combine(FolderIn(home), contribution.ToHex() + ".json");
}
