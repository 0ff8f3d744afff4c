namespace Trove.Models.Exchange;

/// <summary>A model on disk, opened: its tensors are there, of the shapes its configuration asks for. Several threads may read at once.</summary>
public interface IModelFile : IDisposable
{
    /// <summary>The model's shape.</summary>
    ModelConfig Config { get; }

    /// <summary>Reads rows of a tensor as floats.</summary>
    /// <param name="tensor">Of the layout of <see cref="Config"/>.</param>
    /// <param name="row">The first of them.</param>
    /// <param name="to">Whole rows, at most as many as there are.</param>
    /// <exception cref="ModelFileException">The file became shorter.</exception>
    void Read(Tensor tensor, int row, Span<float> to);
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
        var (file, text) = OpenWithoutText(path);
        try
        {
            return (file, text?.Invoke());
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The same with the vocabulary of a folder left unread: while one thread reads weights, another may read it.</summary>
    /// <returns>The model, and what reads its vocabulary if it has one.</returns>
    /// <inheritdoc cref="Open" path="/exception"/>
    public static (IModelFile File, Func<ModelText>? Text) OpenWithoutText(string path)
    {
        if (!Directory.Exists(path))
        {
            var (opened, known) = GgufModel.Open(path);
            return (opened, known is null ? null : () => known);
        }
        var file = ModelFolder.Open(path);
        return (file, ModelText.IsIn(path) ? Text : null);

        ModelText Text()
        {
            var text = ModelText.Load(path)!;
            return text.Tokenizer.VocabularySize > file.Config.Vocabulary
                ? throw new ModelFileException(path, $"its vocabulary has {text.Tokenizer.VocabularySize} tokens, and the model {file.Config.Vocabulary}")
                : text;
        }
    }

    /// <summary>Reads all weights. The caller disposes them.</summary>
    public static Parameters ReadAll(this IModelFile file)
    {
        var parameters = new Parameters(file.Config);
        try
        {
            foreach (var tensor in parameters.Tensors)
                file.Read(tensor, 0, parameters.Values(tensor));
            return parameters;
        }
        catch
        {
            parameters.Dispose();
            throw;
        }
    }
}
