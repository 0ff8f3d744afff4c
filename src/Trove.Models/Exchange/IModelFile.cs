namespace Trove.Models.Exchange;

/// <summary>A model on disk, opened: its tensors are there, of the shapes its configuration asks for. Not for several threads at once.</summary>
public interface IModelFile : IDisposable
{
    /// <summary>The model's shape.</summary>
    ModelConfig Config { get; }

    /// <summary>Reads a tensor as floats.</summary>
    /// <param name="tensor">Of the layout of <see cref="Config"/>.</param>
    /// <param name="to">As many floats as it has.</param>
    /// <exception cref="ModelFileException">The file became shorter.</exception>
    void Read(Tensor tensor, Span<float> to);
}

/// <summary>What all files of models have in common.</summary>
public static class ModelFiles
{
    /// <summary>Opens a folder, or a GGUF file.</summary>
    /// <returns>The model, and its vocabulary if it has one.</returns>
    /// <exception cref="ModelFileException">It is damaged, or not of the family.</exception>
    /// <exception cref="Tokenization.TokenizerException">Its vocabulary is damaged, or of a kind that is not supported.</exception>
    /// <exception cref="IOException">A file is missing.</exception>
    public static (IModelFile File, ModelText? Text) Open(string path)
    {
        if (!Directory.Exists(path))
            return GgufModel.Open(path);
        var file = ModelFolder.Open(path);
        try
        {
            var text = ModelText.Load(path);
            return text?.Tokenizer.VocabularySize > file.Config.Vocabulary
                ? throw new ModelFileException(path, $"its vocabulary has {text.Tokenizer.VocabularySize} tokens, and the model {file.Config.Vocabulary}")
                : (file, text);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Reads all weights. The caller disposes them.</summary>
    public static Parameters ReadAll(this IModelFile file)
    {
        var parameters = new Parameters(file.Config);
        try
        {
            foreach (var tensor in parameters.Tensors)
                file.Read(tensor, parameters.Values(tensor));
            return parameters;
        }
        catch
        {
            parameters.Dispose();
            throw;
        }
    }
}
