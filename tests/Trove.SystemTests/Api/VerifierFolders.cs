using Trove.Crypto;

namespace Trove.SystemTests.Api;

/// <summary>Where the verifiers of these tests keep what they signed: a folder a key, the same whenever it works, gone at the end.</summary>
internal static class VerifierFolders
{
    private static readonly Lazy<string> Root = new(() =>
    {
        var folder = TestFolder.Create("-verifiers");
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        return folder;
    });

    public static string Of(KeyFile verifier) => Path.Combine(Root.Value, verifier.SigningKey.Address.ToString());
}
