using Trove.Models;
using Trove.Models.Exchange;
using Trove.Models.Tokenization;

namespace Trove.Cli.Models;

/// <summary>Models named on the command line: a folder as Hugging Face has it, or a GGUF file.</summary>
internal static class ModelPath
{
    /// <summary>Opens one.</summary>
    /// <exception cref="CommandException">There is none, or it is none that is run here.</exception>
    public static (IModelFile File, ModelText? Text) Open(string path)
    {
        Require(path);
        return Do(() => ModelFiles.Open(path));
    }

    /// <summary>Opens one that has a vocabulary, which is read while others read weights.</summary>
    public static (IModelFile File, Task<ModelText> Text) OpenWithText(string path)
    {
        Require(path);
        var (file, text) = Do(() => ModelFiles.OpenWithoutText(path));
        if (text is not null)
            return (file, Task.Run(() => Do(text)));
        file.Dispose();
        throw new CommandException($"{Shared.Safe(path)} has no vocabulary", "put its tokenizer.json into the folder, or train one with 'trove tokenizer train'");
    }

    /// <summary>All weights of a model.</summary>
    public static Parameters Load(IModelFile file) => Do(file.ReadAll);

    private static void Require(string path)
    {
        if (!Directory.Exists(path) && !File.Exists(path))
            throw new CommandException($"there is no model {Shared.Safe(path)}", "name a folder with config.json and model.safetensors, or a GGUF file");
    }

    /// <summary>What a model's file or text refuses, as a command does.</summary>
    public static T Do<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is ModelFileException or TokenizerException)
        {
            throw new CommandException(Shared.Safe(e.Message), "Llama, SmolLM, Mistral and Qwen2 with byte-level vocabularies are run here, from safetensors or GGUF");
        }
    }
}
