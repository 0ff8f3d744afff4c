using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Trove.Models.Tokenization;

namespace Trove.Tests.Models.Tokenization;

/// <summary>Nothing is lost, nothing in a text is taken for a special token, and a word's tokens do not hang on what came before it.</summary>
public class EncodingTests
{
    private static readonly string[] Lossless = ["GPT-2", "GPT-2 as a split", "SmolLM", "Llama 3", "Tekken", "o200k"];

    // Pieces of texts: the vectors', special tokens', and what the patterns and caches decide by.
    private static readonly string[] Pieces = [.. TokenizerVectors.Texts.SelectMany(t => t.Split(' ')), "<|im_start|>", "<|im_end|>", "</s>", "<pad>", "tidepool", "<|im_", " ", "\n", "😀", "\u0301", "abcdefghijklmnopqrstuvwxyz01234", new string('x', 97)];

    private static Arbitrary<string> Texts => Gen.Elements(Pieces).ArrayOf().Select(string.Concat).ToArbitrary();

    public static TheoryData<string> Names() => [.. Lossless];

    [Theory]
    [MemberData(nameof(Names))]
    public void What_is_encoded_is_decoded_to_the_same_bytes(string name)
    {
        var tokenizer = TokenizerVectors.Tokenizer(name);
        var encoder = tokenizer.CreateEncoder();
        void Check(byte[] bytes)
        {
            var ids = new int[encoder.MaxTokens(bytes.Length)];
            Assert.Equal(bytes, tokenizer.DecodeBytes(ids.AsSpan(0, encoder.Encode(bytes, ids))));
        }
        Prop.ForAll(Texts, text => Check(Encoding.UTF8.GetBytes(text))).Check(Config.QuickThrowOnFailure.WithMaxTest(300));
        Prop.ForAll<byte[]>(Check).Check(Config.QuickThrowOnFailure.WithMaxTest(300)); // also what is no UTF-8
    }

    [Fact]
    public void No_text_has_special_tokens_unless_asked_for()
    {
        foreach (var name in TokenizerVectors.Names)
        {
            var tokenizer = TokenizerVectors.Tokenizer(name);
            if (tokenizer.AddedTokens.Count == 0)
                continue;
            Prop.ForAll(Texts, text => Assert.DoesNotContain(tokenizer.Encode(text), tokenizer.IsSpecial)).Check(Config.QuickThrowOnFailure.WithMaxTest(100));
            Assert.Contains(tokenizer.Encode("a<|im_start|>b", EncodeOptions.SpecialTokens), tokenizer.IsSpecial);
        }
    }

    // With ignore_merges a word that spells a token is that token; a special one's name is no such word.
    [Fact]
    public void A_special_token_in_the_vocabulary_is_not_reached_by_ignoring_merges()
    {
        var file = TokenizerVectors.File("Llama 3");
        file["model"]!["vocab"]!["hello"] = file["model"]!["vocab"]!.AsObject().Count;
        int id = (int)file["model"]!["vocab"]!["hello"]!;
        var added = file["added_tokens"]!.AsArray();
        foreach (var token in added)
            token!["id"] = (int)token["id"]! + 1;
        file["post_processor"] = null;
        Assert.Equal([id], TokenizerVectors.Read(file).Encode("hello"));
        added.Insert(0, new System.Text.Json.Nodes.JsonObject { ["id"] = id, ["content"] = "hello", ["special"] = true });
        var tokenizer = TokenizerVectors.Read(file);
        Assert.DoesNotContain(id, tokenizer.Encode("hello"));
        Assert.Equal([id], tokenizer.Encode("hello", EncodeOptions.SpecialTokens));
    }

    [Fact]
    public void A_used_encoder_gives_what_a_new_one_gives()
    {
        var tokenizer = TokenizerVectors.Tokenizer("Llama 3");
        var encoder = tokenizer.CreateEncoder();
        var ids = new int[100_000];
        Prop.ForAll(Texts, text => Assert.Equal(tokenizer.Encode(text), ids[..encoder.Encode(Encoding.UTF8.GetBytes(text), ids)])).Check(Config.QuickThrowOnFailure.WithMaxTest(300));
    }

    [Fact]
    public void Words_of_any_length_are_merged_as_the_definition_says()
    {
        var tokenizer = TokenizerVectors.Tokenizer("GPT-2");
        var merger = new WordMerger(tokenizer.Merges, tokenizer.ByteTokens, tokenizer.RanksOfBytes);
        var letters = Gen.Elements("tidepolshe n"u8.ToArray());
        foreach (int length in (int[])[1, 2, 3, 15, 16, 17, 31, 32, 40, 95, 96, 97, 98, 200, 500])
            Prop.ForAll(letters.ArrayOf(length).ToArbitrary(), word =>
            {
                var ids = new int[word.Length];
                Assert.Equal(Merged(tokenizer, word), ids[..merger.Merge(word, ids)]);
            }).Check(Config.QuickThrowOnFailure.WithMaxTest(length < 100 ? 100 : 10));
    }

    [Fact]
    public void A_word_of_a_million_letters_takes_no_time()
    {
        var tokenizer = TokenizerVectors.Tokenizer("GPT-2");
        var watch = System.Diagnostics.Stopwatch.StartNew();
        Assert.Equal(1_000_000, tokenizer.DecodeBytes(tokenizer.Encode(new string('e', 1_000_000))).Length);
        Assert.True(watch.Elapsed.TotalSeconds < 20, watch.Elapsed.ToString()); // the square of the length takes hours
    }

    [Fact]
    public void A_destination_may_be_as_long_as_the_ids_and_no_shorter()
    {
        var tokenizer = TokenizerVectors.Tokenizer("Llama 3");
        var encoder = tokenizer.CreateEncoder();
        foreach (var text in TokenizerVectors.Texts)
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            var expected = tokenizer.Encode(text, EncodeOptions.Template);
            var ids = new int[expected.Length];
            Assert.Equal(expected.Length, encoder.Encode(bytes, ids, EncodeOptions.Template));
            Assert.Equal(expected, ids);
            Assert.Throws<ArgumentException>(() => encoder.Encode(bytes, ids.AsSpan(1), EncodeOptions.Template));
        }
    }

    [Fact]
    public void Most_ids_are_never_more_than_said()
    {
        foreach (var name in TokenizerVectors.Names)
        {
            var tokenizer = TokenizerVectors.Tokenizer(name);
            var encoder = tokenizer.CreateEncoder();
            foreach (var text in (string[])["", "\U0001d160", "\u0958\u0958", "1a1b1c", "\u0301", .. TokenizerVectors.Texts])
            {
                var bytes = Encoding.UTF8.GetBytes(text);
                encoder.Encode(bytes, new int[encoder.MaxTokens(bytes.Length)], EncodeOptions.SpecialTokens | EncodeOptions.Template);
            }
        }
    }

    [Fact]
    public void Ids_one_by_one_give_whole_characters_and_in_the_end_the_same_text()
    {
        var tokenizer = TokenizerVectors.Tokenizer("Llama 3");
        Prop.ForAll(Gen.Choose(0, tokenizer.VocabularySize - 1).ArrayOf().ToArbitrary(), ids => // any ids: also ones that are no UTF-8 together
        {
            var decoder = new TokenDecoder(tokenizer);
            List<string> parts = [.. ids.Select(decoder.Add)];
            parts.Add(decoder.Finish());
            Assert.Equal(tokenizer.Decode(ids), string.Concat(parts));
            Assert.All(parts, part => Assert.DoesNotContain(part.EnumerateRunes(), rune => rune == Rune.ReplacementChar && !tokenizer.Decode(ids).Contains('\ufffd', StringComparison.Ordinal)));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(500));
        Prop.ForAll(Texts, text =>
        {
            var decoder = new TokenDecoder(tokenizer, skipSpecial: true);
            var parts = tokenizer.Encode(text, EncodeOptions.Template).Select(decoder.Add).ToList();
            Assert.Equal((text, ""), (string.Concat(parts), decoder.Finish()));
            Assert.All(parts, part => Assert.DoesNotContain('\ufffd', part));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(200));
    }

    // Sennrich et al. 2016, literally.
    private static List<int> Merged(Tokenizer tokenizer, byte[] word)
    {
        var symbols = word.Select(b => tokenizer.ByteTokens[b]).ToList();
        while (true)
        {
            var lowest = Enumerable.Range(0, symbols.Count - 1).Select(i => (Rank: tokenizer.Merges.Rank(symbols[i], symbols[i + 1]), At: i)).DefaultIfEmpty((MergeTable.None, 0)).Min();
            if (lowest.Item1 == MergeTable.None)
                return symbols;
            symbols[lowest.Item2] = tokenizer.Merges.Merged(lowest.Item1);
            symbols.RemoveAt(lowest.Item2 + 1);
        }
    }
}
