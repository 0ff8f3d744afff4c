using System.Text;
using Trove.Models.Tokenization;

namespace Trove.Tests.Models.Tokenization;

/// <summary>The same ids, and the same vocabulary trained, as Hugging Face's library gives.</summary>
public class TokenizerVectorTests
{
    public static TheoryData<string> Names() => [.. TokenizerVectors.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void Texts_have_the_same_ids(string name)
    {
        var tokenizer = TokenizerVectors.Tokenizer(name);
        var vector = TokenizerVectors.Of(name);
        foreach (var (text, ids) in TokenizerVectors.Texts.Zip(vector["ids"]!.AsArray()))
            Assert.Equal(TokenizerVectors.Ids(ids!), tokenizer.Encode(text, EncodeOptions.SpecialTokens));
        if (vector["template"] is { } template)
            Assert.Equal(TokenizerVectors.Ids(template), tokenizer.Encode("tide", EncodeOptions.SpecialTokens | EncodeOptions.Template));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void What_is_written_is_read_as_the_same(string name)
    {
        var tokenizer = TokenizerVectors.Tokenizer(name);
        var written = TokenizerVectors.Written(tokenizer);
        var again = Tokenizer.Read(written);
        Assert.Equal(Encoding.UTF8.GetString(written), Encoding.UTF8.GetString(TokenizerVectors.Written(again)));
        foreach (var text in TokenizerVectors.Texts)
            Assert.Equal(tokenizer.Encode(text, EncodeOptions.SpecialTokens | EncodeOptions.Template), again.Encode(text, EncodeOptions.SpecialTokens | EncodeOptions.Template));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_same_documents_train_the_same_vocabulary(int threads)
    {
        var documents = TokenizerVectors.Strings(TokenizerVectors.All["documents"]!).Select(d => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(d));
        var trained = TokenizerTrainer.Train(documents, new TrainerOptions(30_000) { MinFrequency = 0, AlphabetLimit = 256, PreTokenizer = PreTokenizer.Gpt2, Threads = threads });
        Assert.Equal((int)TokenizerVectors.All["trained"]!, trained.VocabularySize);
        using var file = System.Text.Json.JsonDocument.Parse(TokenizerVectors.Written(trained));
        var model = file.RootElement.GetProperty("model");
        Assert.Equal(TokenizerVectors.Strings(TokenizerVectors.All["vocab"]!)[..trained.VocabularySize], model.GetProperty("vocab").EnumerateObject().Select(p => p.Name));
        Assert.Equal(TokenizerVectors.All["merges"]!.AsArray().Select(m => ((string)m![0]!, (string)m[1]!)), model.GetProperty("merges").EnumerateArray().Select(m => (m[0].GetString()!, m[1].GetString()!)));
    }
}
