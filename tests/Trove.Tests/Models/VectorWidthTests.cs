using System.Diagnostics;
using System.Runtime.Intrinsics;
using Trove.Models;

namespace Trove.Tests.Models;

/// <summary>The same bits with vectors of 512 bits, of 256, and without any: the width is the process's, so children compute.</summary>
public class VectorWidthTests
{
    private const string File = "TROVE_TRAINING_BITS";

    private static readonly ModelConfig Small = new(16, 16, 1, 1, 1, 16, 24, 32);

    [Fact]
    public async Task Without_512_bit_vectors()
    {
        string[] lines = await ChildAsync("DOTNET_EnableAVX512", nameof(Child_computes_a_model));
        Assert.Equal(["False", TinyModel.TrainingBits(TinyModel.Config, [70, 1, 100], 2)], [lines[0], lines[2]]);
    }

    [Fact]
    public async Task Without_any_vector_instruction()
    {
        string[] lines = await ChildAsync("DOTNET_EnableHWIntrinsic", nameof(Child_computes_a_small_model));
        Assert.Equal(["False", "False", TinyModel.TrainingBits(Small, [5, 4], 1, steps: 1)], lines);
    }

    // Run by the tests above in a process of its own; does nothing otherwise.
    [Fact]
    public void Child_computes_a_model() => Answer(() => TinyModel.TrainingBits(TinyModel.Config, [70, 1, 100], 2));

    [Fact]
    public void Child_computes_a_small_model() => Answer(() => TinyModel.TrainingBits(Small, [5, 4], 1, steps: 1));

    private static void Answer(Func<string> bits)
    {
        if (Environment.GetEnvironmentVariable(File) is { } file)
            System.IO.File.WriteAllLines(file, [$"{Vector512.IsHardwareAccelerated}", $"{Vector256.IsHardwareAccelerated}", bits()]);
    }

    private static async Task<string[]> ChildAsync(string off, string method)
    {
        string file = Path.GetTempFileName();
        try
        {
            var start = new ProcessStartInfo(Environment.ProcessPath!, [.. Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? new[] { typeof(VectorWidthTests).Assembly.Location } : [], "--no-progress", "--filter-method", $"*.{method}"]) { RedirectStandardOutput = true };
            start.Environment[off] = "0";
            start.Environment[File] = file;
            using var child = Process.Start(start)!;
            string output = await child.StandardOutput.ReadToEndAsync();
            await child.WaitForExitAsync();
            Assert.True(child.ExitCode == 0, output);
            return await System.IO.File.ReadAllLinesAsync(file);
        }
        finally
        {
            System.IO.File.Delete(file);
        }
    }
}
