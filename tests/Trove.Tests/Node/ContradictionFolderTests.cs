using Microsoft.Extensions.Logging.Abstractions;
using Trove.Core;
using Trove.Node.Protocol;
using Trove.Node.Staking;

namespace Trove.Tests.Node;

public sealed class ContradictionFolderTests
{
    [Fact]
    public void Who_fills_the_room_of_an_own_asset_leaves_that_of_others()
    {
        var data = Directory.CreateTempSubdirectory("trove-contradictions-").FullName;
        try
        {
            var folder = new ContradictionFolder(data, NullLogger<ContradictionFolder>.Instance);
            SignedStatements noisy = new(Asset(1)), quiet = new(Asset(2));
            for (int i = 0; i <= ContradictionFolder.MaxOfOne; i++)
                folder.Keep(Asset(9), $"root-{i}", noisy);
            Assert.Equal(ContradictionFolder.MaxOfOne, ContradictionFolder.Files(data).Count()); // who lies often hides nobody else
            for (int i = 0; i <= ContradictionFolder.MaxFiles; i++)
                folder.Keep(Asset((byte)(i / 2)), $"root-{i}", noisy);
            Assert.Equal(ContradictionFolder.MaxFiles, ContradictionFolder.Files(data).Count());
            folder.Keep(Asset(9), "root-1", quiet);
            folder.Keep(Asset(9), "root-1", quiet); // the same matter
            Assert.Equal(ContradictionFolder.MaxFiles + 1, ContradictionFolder.Files(data).Count());
            Assert.Single(ContradictionFolder.Files(data), f => Path.GetFileName(Path.GetDirectoryName(f)) == quiet.Asset.ToString());
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    private static Address Asset(byte b) => new(Enumerable.Repeat(b, 20).ToArray());
}
