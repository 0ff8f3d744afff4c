using System.Diagnostics;
using System.Text.Json;

namespace Trove.Bench.Engine;

/// <summary>One side of the training bench: this program once more, or a script of the peer's.</summary>
internal sealed class TrainingProcess : IDisposable
{
    private readonly Process _process;

    private TrainingProcess(ProcessStartInfo start, (string Name, string Value)[] environment)
    {
        (start.RedirectStandardInput, start.RedirectStandardOutput, start.RedirectStandardError) = (true, true, true);
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        _process = Process.Start(start) ?? throw new InvalidOperationException($"{start.FileName} did not start");
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginErrorReadLine();
        Name = _process.StandardOutput.ReadLine() ?? "";
    }

    /// <summary>What it says it is; empty if it ended at once.</summary>
    public string Name { get; }

    /// <summary>This program with other arguments.</summary>
    public static TrainingProcess Self(string[] arguments, params (string Name, string Value)[] environment)
    {
        string program = Environment.ProcessPath!;
        if (Path.GetFileNameWithoutExtension(program) == "dotnet")
            arguments = [Environment.GetCommandLineArgs()[0], .. arguments];
        var self = new TrainingProcess(new ProcessStartInfo(program, arguments), environment);
        return self.Name.Length > 0 ? self : throw new InvalidOperationException($"the worker \"{string.Join(' ', arguments)}\" ended at once");
    }

    /// <summary>A Python script; null where there is no Python, or the script ends at once.</summary>
    public static TrainingProcess? Python(string[] arguments, params (string Name, string Value)[] environment)
    {
        const string Program = "/usr/bin/python3"; // Debian's, which has python3-torch
        if (!File.Exists(Program))
            return null;
        var script = new TrainingProcess(new ProcessStartInfo(Program, arguments), environment);
        if (script.Name.Length > 0)
            return script;
        script.Dispose();
        return null;
    }

    /// <summary>Answers one line by one line of JSON.</summary>
    public T Ask<T>(string line)
    {
        _process.StandardInput.WriteLine(line);
        return JsonSerializer.Deserialize<T>(_process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"{Name}: the worker ended over \"{line}\""), JsonSerializerOptions.Web)!;
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(10_000))
            _process.Kill();
        _process.Dispose();
    }
}
