using System.Text;
using Trove.Models.Tokenization;

namespace Trove.Tests.Models.Tokenization;

/// <summary>What is trained hangs on the documents and options alone.</summary>
public class TrainingTests
{
    private static readonly TrainerOptions Small = new(600) { SpecialTokens = ["<|im_start|>", "<|im_end|>"], MinFrequency = 1 };

    private static IEnumerable<ReadOnlyMemory<byte>> Documents(int seed = 1)
    {
        var random = new Random(seed);
        var syllables = new[] { "ti", "de", "po", "ol", "ka", "ör", "潮", "だま", "ر", "12", " ", " ", "\n", "Q", "'s" };
        var documents = Enumerable.Range(0, 3000).Select(_ => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, random.Next(60)).Select(_ => syllables[Math.Min(random.Next(15), random.Next(15))])))).ToList();
        return documents;
    }

    [Fact]
    public void Neither_threads_nor_the_order_of_documents_change_the_file()
    {
        var one = TokenizerVectors.Written(TokenizerTrainer.Train(Documents(), Small));
        foreach (int threads in (int[])[2, 3])
            Assert.Equal(one, TokenizerVectors.Written(TokenizerTrainer.Train(Documents(), Small with { Threads = threads })));
        Assert.Equal(one, TokenizerVectors.Written(TokenizerTrainer.Train(Documents().Reverse(), Small)));
        Assert.NotEqual(one, TokenizerVectors.Written(TokenizerTrainer.Train(Documents(seed: 2), Small)));
    }

    [Fact]
    public void Special_tokens_come_first_then_bytes_then_what_is_frequent_enough()
    {
        var tokenizer = TokenizerTrainer.Train(Documents(), Small with { MinFrequency = 400 });
        Assert.Equal(["<|im_start|>", "<|im_end|>"], tokenizer.AddedTokens.Select(t => t.Content));
        Assert.Equal("!"u8, tokenizer.Bytes(2));
        Assert.Equal(256, Enumerable.Range(2, 256).Select(id => tokenizer.Bytes(id).ToArray().Single()).Distinct().Count());
        Assert.InRange(tokenizer.VocabularySize, 260, 599);
        Assert.True(TokenizerTrainer.Train(Documents(), Small with { MinFrequency = 200 }).VocabularySize > tokenizer.VocabularySize);
        Assert.Equal(600, TokenizerTrainer.Train(Documents(), Small).VocabularySize);
    }

    [Fact]
    public void An_alphabet_has_the_most_frequent_bytes_and_others_are_refused_not_lost()
    {
        var tokenizer = TokenizerTrainer.Train([Encoding.UTF8.GetBytes("aaaabbbc d")], new TrainerOptions(100) { AlphabetLimit = 2, MinFrequency = 3 });
        Assert.Equal("ab", string.Concat(Enumerable.Range(0, 2).Select(id => (char)tokenizer.Bytes(id)[0])));
        Assert.Equal("ab", tokenizer.Decode(tokenizer.Encode("ab")));
        Assert.Contains("0x63", Assert.Throws<TokenizerException>(() => tokenizer.Encode("abc")).Message, StringComparison.Ordinal);
    }

    // Otherwise a text that spells the token would be encoded as the token.
    [Fact]
    public void Text_that_looks_like_a_special_token_is_not_merged_into_it()
    {
        var documents = Enumerable.Repeat((ReadOnlyMemory<byte>)"<><><>"u8.ToArray(), 100);
        var tokenizer = TokenizerTrainer.Train(documents, new TrainerOptions(1000) { SpecialTokens = ["<>"], MinFrequency = 1 });
        Assert.DoesNotContain(tokenizer.Encode("<>x<>"), tokenizer.IsSpecial);
        Assert.Equal([0], tokenizer.Encode("<>", EncodeOptions.SpecialTokens));
        Tokenizer.Read(TokenizerVectors.Written(tokenizer));
    }

    [Fact]
    public void Training_can_be_ended_and_tells_how_far_it_is()
    {
        using var cancel = new CancellationTokenSource();
        var seen = new List<TrainingProgress>();
        var progress = new Synchronous(p =>
        {
            seen.Add(p);
            if (p.Tokens == 512)
                cancel.Cancel();
        });
        Assert.ThrowsAny<OperationCanceledException>(() => TokenizerTrainer.Train(Documents(), Small, progress, cancel.Token));
        Assert.Equal(Documents().Sum(d => (long)d.Length), seen[^1].Bytes);
        Assert.ThrowsAny<OperationCanceledException>(() => TokenizerTrainer.Train(Documents(), Small with { Threads = 2 }, null, cancel.Token));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_failing_source_fails_training(int threads)
    {
        static IEnumerable<ReadOnlyMemory<byte>> Failing()
        {
            yield return "tide"u8.ToArray();
            throw new IOException("the disk is gone");
        }
        Assert.Throws<IOException>(() => TokenizerTrainer.Train(Failing(), Small with { Threads = threads }));
    }

    [Fact]
    public void Options_that_cannot_be_met_are_refused()
    {
        Assert.ThrowsAny<ArgumentException>(() => TokenizerTrainer.Train([], Small with { VocabularySize = 257 }));
        Assert.ThrowsAny<ArgumentException>(() => TokenizerTrainer.Train([], Small with { VocabularySize = MergeTable.MaxTokens + 1 }));
        Assert.ThrowsAny<ArgumentException>(() => TokenizerTrainer.Train([], Small with { SpecialTokens = ["<s>", "<s>"] }));
        Assert.ThrowsAny<ArgumentException>(() => TokenizerTrainer.Train([], Small with { SpecialTokens = ["a"] }));
        Assert.ThrowsAny<ArgumentException>(() => TokenizerTrainer.Train([], Small with { Threads = 0 }));
        Assert.Equal(258, TokenizerTrainer.Train([], Small).VocabularySize); // no text: nothing but bytes
    }

    private sealed class Synchronous(Action<TrainingProgress> action) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => action(value);
    }
}
