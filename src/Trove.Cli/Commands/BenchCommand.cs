using System.CommandLine;

namespace Trove.Cli.Commands;

/// <summary>Benchmarks against what people use today.</summary>
internal static class BenchCommand
{
    public static Command Create() => new("bench");
}
