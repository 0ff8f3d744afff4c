namespace Trove.Tests.Cli;

/// <summary>A prompt of a size that nobody can read is refused before it fills the memory.</summary>
public sealed class GenerateCommandTests : IDisposable
{
    private readonly string _folder = TroveCommand.NewFolder();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("/dev/zero")] // says that it has no bytes
    [InlineData("long.txt")]
    public async Task Endless_prompts_are_refused(string file)
    {
        File.Copy(Path.Combine(Vectors.Repository, "tests", "Trove.Tests", "Cli", "Manual", "files", "tiny.gguf"), Path.Combine(_folder, "tiny.gguf"));
        using (var text = File.Create(Path.Combine(_folder, "long.txt")))
            text.SetLength((4 << 20) + 1);
        var (code, output, error) = await TroveCommand.RunAsync(_folder, "generate", "tiny.gguf", "--prompt-file", file);
        Assert.Equal((1, ""), (code, output));
        Assert.StartsWith("trove: the prompt is longer than 4 MiB", error, StringComparison.Ordinal);
    }
}
