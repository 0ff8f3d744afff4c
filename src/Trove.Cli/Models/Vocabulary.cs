using Trove.Chain.Durability;
using Trove.Models.Tokenization;

namespace Trove.Cli.Models;

/// <summary>The tokenizer of a run: given, of the model it goes on from, or trained on its text.</summary>
internal sealed class Vocabulary
{
    private const string File = "tokenizer.json", ConfigFile = "tokenizer_config.json", End = "<|endoftext|>";

    private readonly string? _config; // of the model it goes on from

    private Vocabulary(Tokenizer tokenizer, string? config) => (Tokenizer, _config) = (tokenizer, config);

    public Tokenizer Tokenizer { get; }

    /// <summary>How conversations are written; null when it has no tokens for them.</summary>
    public ChatTemplate? Chat => Has(ChatTemplate.ChatMl.Start) && Has(ChatTemplate.ChatMl.End) ? ChatTemplate.ChatMl : null;

    /// <summary>Finds it; a trained one is put into the run's folder, where a run that goes on finds it again.</summary>
    public static Vocabulary Find(TrainRequest request, RunFolder folder, Progress progress, CancellationToken ct)
    {
        if (request.From is { } from)
            return new Vocabulary(Tokenizer.Load(request.TokenizerFile ?? Path.Combine(from, File)), Path.Combine(from, ConfigFile));
        if (request.TokenizerFile is { } given)
            return new Vocabulary(Tokenizer.Load(given), null);
        if (request.Resume && System.IO.File.Exists(folder[File]))
            return new Vocabulary(Tokenizer.Load(folder[File]), null);
        int size = ModelOptions.Read(request.Config ?? ModelOptions.Default).Vocabulary;
        string[] special = [End, ChatTemplate.ChatMl.Start, ChatTemplate.ChatMl.End];
        var options = new TrainerOptions(size) { SpecialTokens = size >= 256 + special.Length ? [.. special] : [], Threads = request.Threads };
        var trained = TokenizerTrainer.Train(size > 256 ? TrainingText.Documents(request.Files) : [], options, new Told(progress, size), ct);
        DurableFile.Write(folder[File], trained.Write);
        return new Vocabulary(trained, null);
    }

    /// <summary>Writes the tokenizer's files for Hugging Face.</summary>
    public void Save(RunFolder folder, int context)
    {
        DurableFile.Write(folder[File], Tokenizer.Write);
        if (_config is not null && System.IO.File.Exists(_config))
            DurableFile.Write(folder[ConfigFile], file =>
            {
                using var from = System.IO.File.OpenRead(_config);
                from.CopyTo(file);
            });
        else if (Has(End))
            DurableFile.Write(folder[ConfigFile], file => new TokenizerConfig(context, End) { BeginToken = End, ChatTemplate = Chat }.Write(Tokenizer, file));
    }

    private bool Has(string token) => Tokenizer.AddedId(token) is { } id && Tokenizer.IsSpecial(id);

    private sealed class Told(Progress progress, int size) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            lock (progress)
            {
                if (value.Tokens > 0)
                    progress.Report("training a vocabulary", value.Tokens, size);
                else
                    progress.Report("counting words", value.Bytes, null);
            }
        }
    }
}
