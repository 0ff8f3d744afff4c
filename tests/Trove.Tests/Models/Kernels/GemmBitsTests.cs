using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using Trove.Models.Compute;
using Trove.Models.Kernels;

namespace Trove.Tests.Models.Kernels;

/// <summary>The same bits with 512-bit vectors, 256-bit vectors and no vector instructions at all.</summary>
public class GemmBitsTests
{
    // Of this test's results on every machine. A change here changes what every trainer's steps hash to.
    private const string Bits = "410dd7356c790f311323ec8984afb3a1";
    private const string WidthVariable = "TROVE_TEST_EXPECTED_VECTORS";

    [Fact]
    public unsafe void Results_have_the_bits_they_have_everywhere()
    {
        if (Environment.GetEnvironmentVariable(WidthVariable) is { } expected)
            Assert.Equal(expected, Vector512.IsHardwareAccelerated ? "512" : Vector256.IsHardwareAccelerated ? "256" : "0");
        using var pool = new WorkPool(2);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var numbers = new GemmCase.Numbers(2026);
        foreach (var kind in Enum.GetValues<GemmKind>())
            foreach (var (m, n, k) in ((int, int, int)[])[(1, 33, 40), (7, 50, 130), (30, 41, 29), (26, 17, 400)])
                foreach (var start in Enum.GetValues<GemmCase.Start>())
                    hash.AppendData(MemoryMarshal.AsBytes<float>(new GemmCase(numbers, kind, m, n, k, start).Run(pool)));
        foreach (int m in (int[])[1, 2, 5, 9])
        {
            using var weights = QuantizedGemmMatrix.Decode(GemmQuantizedTests.Encode(numbers, 21, 64), 21, 64);
            var y = new float[m * 21];
            fixed (float* x = numbers.Floats(m * 64), result = y)
                QuantizedGemm.Run(pool, m, x, 64, weights, null, 0, result, 21);
            hash.AppendData(MemoryMarshal.AsBytes<float>(y));
        }
        Assert.Equal(Bits, Convert.ToHexStringLower(hash.GetHashAndReset())[..Bits.Length]);
    }

    [Theory]
    [InlineData("DOTNET_EnableAVX512", "256")]
    [InlineData("DOTNET_EnableHWIntrinsic", "0")]
    public async Task Results_have_the_same_bits_without(string instructions, string width)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!,
            [typeof(GemmBitsTests).Assembly.Location, "--no-progress", "--filter-method", $"*{nameof(GemmBitsTests)}.{nameof(Results_have_the_bits_they_have_everywhere)}"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment[instructions] = "0";
        start.Environment[WidthVariable] = width;
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0 && output.Contains("succeeded: 1", StringComparison.Ordinal), output + await error);
    }
}
