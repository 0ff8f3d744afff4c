using Trove.Models;
using Trove.Models.Compute;
using Trove.Models.Generation;
using Trove.Models.Tokenization;

namespace Trove.Cli.Models;

/// <summary>A piece of text in the manner of what was learnt.</summary>
internal static class TrainSample
{
    private const int Most = 300;
    private const double Temperature = 0.8;
    private const int TopK = 50;

    /// <summary>Writes it from the beginning of a document.</summary>
    public static string Write(Parameters parameters, Tokenizer tokenizer, int? end, WorkPool pool, ulong seed)
    {
        using var decoder = new Decoder(parameters, pool, 16);
        var generator = new Generator(decoder);
        int[] prompt = end is { } token ? [token] : tokenizer.Encode("\n");
        int most = Math.Min(Most, parameters.Config.Context - prompt.Length);
        if (most < 1)
            return "";
        using var sequence = generator.Add(prompt, most, new SamplingOptions(Temperature, TopK, Seed: seed), end is { } stop ? [[stop]] : []);
        generator.Run();
        return tokenizer.Decode(sequence.Tokens.Skip(prompt.Length).Where(id => id < tokenizer.VocabularySize).ToArray(), skipSpecial: true);
    }
}
