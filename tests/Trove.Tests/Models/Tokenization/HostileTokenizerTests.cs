using System.Text;
using System.Text.Json.Nodes;
using Trove.Models.Tokenization;

namespace Trove.Tests.Models.Tokenization;

/// <summary>Files that are broken, hostile or of a kind that is not supported are refused with the field's name.</summary>
public class HostileTokenizerTests
{
    private static readonly Dictionary<string, (string Kind, Action<JsonObject> Change, string Says)> Cases = new(StringComparer.Ordinal)
    {
        ["ModelMissing"] = ("GPT-2", f => f.Remove("model"), "model is missing"),
        ["ModelOfAnotherKind"] = ("GPT-2", f => f["model"]!["type"] = "Unigram", "model.type must be BPE"),
        ["ByteFallback"] = ("GPT-2", f => f["model"]!["byte_fallback"] = true, "model.byte_fallback"),
        ["Dropout"] = ("GPT-2", f => f["model"]!["dropout"] = 0.1, "model.dropout"),
        ["DropoutOfText"] = ("GPT-2", f => f["model"]!["dropout"] = "x", "model.dropout"),
        ["EndOfWordSuffix"] = ("GPT-2", f => f["model"]!["end_of_word_suffix"] = "</w>", "model.end_of_word_suffix"),
        ["UnknownTokenNotInVocabulary"] = ("GPT-2", f => f["model"]!["unk_token"] = "<unk>", "model.unk_token"),
        ["Truncation"] = ("GPT-2", f => f["truncation"] = new JsonObject(), "truncation must be null"),
        ["NormalizerThatFoldsCase"] = ("GPT-2", f => f["normalizer"] = new JsonObject { ["type"] = "Lowercase" }, "normalizer must be null or NFC"),
        ["UnknownPattern"] = ("Llama 3", f => f["pre_tokenizer"]!["pretokenizers"]![0]!["pattern"]!["Regex"] = "(a+)+$", "(a+)+$"),
        ["PatternOfText"] = ("Llama 3", f => f["pre_tokenizer"]!["pretokenizers"]![0]!["pattern"] = new JsonObject { ["String"] = " " }, "pre_tokenizer.pretokenizers[0].pattern.Regex is missing"),
        ["MatchesRemoved"] = ("Llama 3", f => f["pre_tokenizer"]!["pretokenizers"]![0]!["behavior"] = "Removed", "must have the behavior"),
        ["Metaspace"] = ("GPT-2", f => f["pre_tokenizer"]!["type"] = "Metaspace", "pre_tokenizer must be ByteLevel"),
        ["EmptySequence"] = ("Llama 3", f => f["pre_tokenizer"]!["pretokenizers"] = new JsonArray(), "pre_tokenizer must be ByteLevel"),
        ["SequenceWithinSequence"] = ("Llama 3", f => f["pre_tokenizer"]!["pretokenizers"]!.AsArray().Insert(0, f["pre_tokenizer"]!.DeepClone()), "type Sequence"),
        ["NoDecoder"] = ("GPT-2", f => f["decoder"] = null, "decoder must be of type ByteLevel"),
        ["PostProcessorOfBert"] = ("GPT-2", f => f["post_processor"] = new JsonObject { ["type"] = "BertProcessing" }, "post_processor must be"),
        ["TemplateWithTextTwice"] = ("Tekken", f => f["post_processor"]!["single"]!.AsArray().Add(f["post_processor"]!["single"]![1]!.DeepClone()), "must stand for the text A once"),
        ["TemplateWithoutText"] = ("Tekken", f => f["post_processor"]!["single"]!.AsArray().RemoveAt(1), "a template without the text"),
        ["TemplateOfUnknownToken"] = ("Tekken", f => f["post_processor"]!["special_tokens"]!.AsObject().Remove("<|im_end|>"), "post_processor.special_tokens.<|im_end|> is missing"),
        ["TemplateWithIdBeyondVocabulary"] = ("Tekken", f => f["post_processor"]!["special_tokens"]!["<|im_end|>"]!["ids"]![0] = 1 << 20, "post_processor.special_tokens.<|im_end|>.ids[0]"),
        ["IdTwice"] = ("GPT-2", f => f["model"]!["vocab"]!["!"] = 1, "has the id 1 of another token"),
        ["IdNegative"] = ("GPT-2", f => f["model"]!["vocab"]!["!"] = -1, "model.vocab['!'] must be a whole number"),
        ["IdBeyondAll"] = ("GPT-2", f => f["model"]!["vocab"]!["!"] = int.MaxValue, "model.vocab['!'] must be a whole number"),
        ["IdBroken"] = ("GPT-2", f => f["model"]!["vocab"]!["!"] = 0.5, "model.vocab['!'] must be a whole number"),
        ["IdMissing"] = ("GPT-2", f => f["model"]!["vocab"]!.AsObject().Remove("!"), "must be dense"),
        ["TokenOfCharacters"] = ("GPT-2", f => f["model"]!["vocab"]!["▁the"] = f["model"]!["vocab"]!.AsObject().Count, "vocabularies of characters"),
        ["TokenEmpty"] = ("GPT-2", f => f["model"]!["vocab"]![""] = f["model"]!["vocab"]!.AsObject().Count, "model.vocab['']"),
        ["MergeOfUnknownToken"] = ("GPT-2", f => f["model"]!["merges"]![0] = "q zzzz", "model.merges[0] (\"q zzzz\")"),
        ["MergeIntoUnknownToken"] = ("GPT-2", f => f["model"]!["merges"]![0] = "! !", "not in model.vocab"),
        ["MergeOfThree"] = ("GPT-2", f => f["model"]!["merges"]![0] = "t i d", "must be two tokens"),
        ["MergeOfNumbers"] = ("GPT-2", f => f["model"]!["merges"]![0] = new JsonArray(1, 2), "must be two tokens"),
        ["MergeTwice"] = ("GPT-2", f => f["model"]!["merges"]!.AsArray().Add(f["model"]!["merges"]![0]!.DeepClone()), "is listed before"),
        ["MergeIntoSpecialToken"] = ("GPT-2", f => f["added_tokens"]!.AsArray().Add(Added(f, "the")), "makes an added token"),
        ["AddedWithAnothersId"] = ("Llama 3", f => f["added_tokens"]![0]!["id"] = f["added_tokens"]![1]!["id"]!.DeepClone(), "added_tokens[1] has an id or a content of another one"),
        ["AddedWithATokensId"] = ("Llama 3", f => f["added_tokens"]![0]!["id"] = 7, "which in model.vocab is another token's"),
        ["AddedBeyondAll"] = ("Llama 3", f => f["added_tokens"]![0]!["id"] = 100_000, "ids must be dense"),
        ["AddedEmpty"] = ("Llama 3", f => f["added_tokens"]![0]!["content"] = "", "added_tokens[0].content"),
        ["AddedTooLong"] = ("Llama 3", f => f["added_tokens"]![0]!["content"] = new string('x', AddedToken.MaxContent + 1), "added_tokens[0].content"),
        ["AddedWithAnotherIdInVocabulary"] = ("Llama 3", f => f["added_tokens"]![0]!["content"] = "!", "another id than in added_tokens"),
        ["FlagThatIsNone"] = ("Llama 3", f => f["added_tokens"]![0]!["special"] = "yes", "added_tokens[0].special must be true or false"),
    };

    public static TheoryData<string> Names() => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Is_refused(string name)
    {
        var (kind, change, says) = Cases[name];
        var file = TokenizerVectors.File(kind);
        TokenizerVectors.Read(file);
        change(file);
        var message = Assert.Throws<TokenizerException>(() => TokenizerVectors.Read(file)).Message;
        Assert.Contains(says, message, StringComparison.Ordinal);
        Assert.StartsWith("tokenizer.json", message, StringComparison.Ordinal);
        Assert.InRange(message.Length, 20, 1000);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"model\": {\"vocab\": {\"a\": 0, \"a\": 1}}}")]
    [InlineData("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"\\ud800\": 0}}}")]
    [InlineData("{\"model\": [[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]}")]
    public void Is_no_tokenizer(string json) => Assert.Throws<TokenizerException>(() => Tokenizer.Read(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void A_file_larger_than_any_tokenizer_is_not_read()
    {
        var path = Path.GetTempFileName();
        try
        {
            using (var file = File.OpenWrite(path))
                file.SetLength(TokenizerJsonReader.MaxFile + 1L);
            Assert.Contains(path, Assert.Throws<TokenizerException>(() => Tokenizer.Load(path)).Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    // Old files: merges as lines, no type, an unknown token that no text needs.
    [Fact]
    public void Files_of_older_versions_are_read()
    {
        var file = TokenizerVectors.File("GPT-2");
        var model = file["model"]!.AsObject();
        model["merges"] = new JsonArray([.. model["merges"]!.AsArray().Select(m => JsonValue.Create($"{m![0]} {m[1]}"))]);
        model["unk_token"] = "!";
        model.Remove("type");
        model.Remove("ignore_merges");
        file.Remove("normalizer");
        file["pre_tokenizer"]!.AsObject().Remove("use_regex");
        Assert.Equal(TokenizerVectors.Tokenizer("GPT-2").Encode("The tide pools"), TokenizerVectors.Read(file).Encode("The tide pools"));
    }

    // GPT-4's as converted: matches kept by removing what is between them.
    [Fact]
    public void What_lies_between_matches_may_be_removed_there_is_nothing()
    {
        var file = TokenizerVectors.File("Llama 3");
        var split = file["pre_tokenizer"]!["pretokenizers"]![0]!;
        (split["behavior"], split["invert"]) = ("Removed", true);
        Assert.Equal(TokenizerVectors.Tokenizer("Llama 3").Encode("a  b\n c"), TokenizerVectors.Read(file).Encode("a  b\n c"));
    }

    [Fact]
    public void An_unknown_token_stands_for_bytes_without_one()
    {
        var file = TokenizerVectors.File("GPT-2");
        var model = file["model"]!;
        model["vocab"] = new JsonObject { ["a"] = 0, ["?"] = 1 };
        model["merges"] = new JsonArray();
        Assert.Contains("0x62", Assert.Throws<TokenizerException>(() => TokenizerVectors.Read(file).Encode("aba")).Message, StringComparison.Ordinal);
        model["unk_token"] = "?";
        Assert.Equal([0, 1, 0], TokenizerVectors.Read(file).Encode("aba"));
        model["fuse_unk"] = true;
        Assert.Contains("model.fuse_unk", Assert.Throws<TokenizerException>(() => TokenizerVectors.Read(file)).Message, StringComparison.Ordinal);
    }

    private static JsonObject Added(JsonObject file, string content) => new() { ["id"] = file["model"]!["vocab"]![content]!.DeepClone(), ["content"] = content, ["special"] = true };
}
