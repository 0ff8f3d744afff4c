using System.Buffers.Binary;
using System.Text;
using Trove.Models;
using Trove.Models.Compute;
using Trove.Models.Exchange;
using Trove.Tests.Models.Tokenization;

namespace Trove.Tests.Models.Exchange;

public sealed class GgufTests : IDisposable
{
    private static readonly ModelConfig Small = new(50, 32, 2, 4, 2, 16, 64, 64) { RopeTheta = 500000 };
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"trove-{Guid.NewGuid():N}.gguf");

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData(GgufType.F32, true)]
    [InlineData(GgufType.F32, false)]
    [InlineData(GgufType.F16, true)]
    [InlineData(GgufType.BF16, false)]
    [InlineData(GgufType.Q8_0, true)]
    public void What_is_saved_is_loaded(GgufType type, bool tied)
    {
        using var made = Made(Small with { TiedEmbeddings = tied, AttentionBiases = tied });
        GgufModel.Save(_path, made, null, Write, type);
        using var read = Read();
        Assert.Equal(made.Config, read.Config);
        foreach (var tensor in made.Tensors)
        {
            float[] before = [.. made.Values(tensor)], after = [.. read.Values(tensor)];
            bool exact = type == GgufType.F32 || tensor.Role is TensorRole.Norm or TensorRole.Bias;
            for (int i = 0; i < before.Length; i++)
            {
                // Half a step; of Q8_0 also what its scale loses in half precision.
                float step = type == GgufType.Q8_0 ? before.AsSpan(i / 32 * 32, 32).ToArray().Max(MathF.Abs) / 127 : MathF.Abs(before[i]) / (type == GgufType.F16 ? 1024 : 128);
                Assert.InRange(after[i], before[i] - (exact ? 0 : 0.58f * step + 1e-7f), before[i] + (exact ? 0 : 0.58f * step + 1e-7f));
            }
        }
        // What was rounded once is not rounded again.
        GgufModel.Save(_path, read, null, Write, type);
        var first = File.ReadAllBytes(_path);
        using (var third = Read())
            GgufModel.Save(_path, third, null, Write, type);
        Assert.Equal(first, File.ReadAllBytes(_path));
    }

    // llama.cpp's convert_hf_to_gguf.py: [heads, 2, width/2, inputs] becomes [heads, width/2, 2, inputs].
    [Fact]
    public void Rows_of_queries_and_keys_lie_as_llama_cpp_turns_them()
    {
        using var made = Made(Small);
        GgufModel.Save(_path, made, null, Write);
        using var file = GgufFile.Open(_path);
        foreach (var (theirs, ours, heads) in new[] { ("blk.1.attn_q.weight", "q_proj", 4), ("blk.1.attn_k.weight", "k_proj", 2) })
        {
            var stored = new float[heads * 16 * 32];
            file.Read(file.Header.Tensors[theirs], stored);
            var values = made.Values(made[$"model.layers.1.self_attn.{ours}.weight"]);
            for (int head = 0; head < heads; head++)
                for (int half = 0; half < 2; half++)
                    for (int i = 0; i < 8; i++)
                        Assert.True(stored.AsSpan((head * 16 + 2 * i + half) * 32, 32).SequenceEqual(values.Slice((head * 16 + half * 8 + i) * 32, 32)));
        }
        var plain = new float[2 * 16 * 32];
        file.Read(file.Header.Tensors["blk.1.attn_v.weight"], plain);
        Assert.True(plain.AsSpan().SequenceEqual(made.Values(made["model.layers.1.self_attn.v_proj.weight"])));
    }

    [Theory]
    [InlineData(GgufType.F32)]
    [InlineData(GgufType.BF16)]
    [InlineData(GgufType.Q8_0)]
    public void Rows_read_by_themselves_are_those_of_the_tensor(GgufType type)
    {
        using var made = Made(Small);
        GgufModel.Save(_path, made, null, Write, type);
        using var file = GgufModel.Open(_path).File;
        using var whole = file.ReadAll();
        foreach (var tensor in made.Tensors)
            for (int row = 0, rows = 1; row < tensor.Rows; row += rows, rows = Math.Min(rows + 3, tensor.Rows - row))
            {
                var some = new float[rows * tensor.Columns];
                file.Read(tensor, row, some);
                Assert.Equal(whole.Values(tensor).Slice(row * tensor.Columns, some.Length).ToArray(), some);
                Assert.Throws<ArgumentException>(() => file.Read(tensor, tensor.Rows - rows + 1, some));
            }
    }

    [Theory]
    [InlineData("GPT-2")]
    [InlineData("Llama 3")]
    [InlineData("Qwen2")]
    [InlineData("Tekken")]
    public void A_vocabulary_reads_the_same_text(string name)
    {
        // GGUF does not say which white space an added token takes along, nor whether it is looked for in normalised text.
        var json = TokenizerVectors.File(name);
        foreach (var token in json["added_tokens"]!.AsArray())
            foreach (var flag in (string[])["single_word", "lstrip", "rstrip", "normalized"])
                token![flag] = false;
        var tokenizer = TokenizerVectors.Read(json);
        int size = tokenizer.VocabularySize + 7;
        using var made = Made(Small with { Vocabulary = size });
        GgufModel.Save(_path, made, new ModelText(tokenizer, []), Write);
        var (file, text) = GgufModel.Open(_path);
        file.Dispose();
        Assert.Equal(tokenizer.VocabularySize, text!.Tokenizer.VocabularySize);
        foreach (var sample in TokenizerVectors.Texts)
            Assert.Equal(tokenizer.Encode(sample), text.Tokenizer.Encode(sample));
    }

    // By hand, from the description of the format alone: versions 2 and 3, all four ways of numbers.
    [Fact]
    public void A_file_of_others_is_read()
    {
        using var to = new BinaryWriter(new MemoryStream());
        to.Write("GGUF"u8);
        to.Write(2);
        to.Write(4L);
        to.Write(3L);
        Text("general.alignment");
        to.Write(4);
        to.Write(8);
        Text("numbers");
        to.Write(9);
        to.Write(6);
        to.Write(2L);
        to.Write(1.5f);
        to.Write(2.5f);
        Text("flag");
        to.Write(7);
        to.Write((byte)1);
        long at = 0;
        foreach (var (name, type, count, bytes) in ((string, int, long, int)[])[("a", 0, 1, 4), ("b", 1, 3, 6), ("c", 30, 2, 4), ("d", 8, 32, 34)])
        {
            Text(name);
            to.Write(1);
            to.Write(count);
            to.Write(type);
            to.Write(at);
            at = (at + bytes + 7) / 8 * 8;
        }
        Pad();
        to.Write(-2f);
        Pad();
        to.Write([0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00]);
        Pad();
        to.Write([0x80, 0x3f, 0xc0, 0xbf]);
        Pad();
        to.Write((Half)0.5f);
        to.Write([.. Enumerable.Range(0, 32).Select(i => unchecked((byte)(i - 16)))]);
        Pad();
        File.WriteAllBytes(_path, ((MemoryStream)to.BaseStream).ToArray());
        using var file = GgufFile.Open(_path);
        Assert.Equal([-2f], Values("a"));
        Assert.Equal([1f, -2f, MathF.ScaleB(1, -24)], Values("b"));
        Assert.Equal([1f, -1.5f], Values("c"));
        Assert.Equal([.. Enumerable.Range(0, 32).Select(i => (i - 16) / 2f)], Values("d"));
        Assert.Equal(["flag", "general.alignment"], file.Header.Metadata.Keys.Order(StringComparer.Ordinal));

        float[] Values(string name)
        {
            var values = new float[file.Header.Tensors[name].Length];
            file.Read(file.Header.Tensors[name], values);
            return values;
        }

        void Text(string text)
        {
            to.Write((long)text.Length);
            to.Write(Encoding.ASCII.GetBytes(text));
        }

        void Pad()
        {
            while (to.BaseStream.Position % 8 != 0)
                to.Write((byte)0);
        }
    }

    [Theory]
    [InlineData("GGUF", 0, "XXXX", "no GGUF")]
    [InlineData("version", 4, "\u0001\0\0\0", "version")]
    [InlineData("tensors", 8, "\0\0\0\0\0\0\0\u0001", "tensors")]
    [InlineData("metadata", 16, "\0\0\0\0\u0001\0\0\0", "metadata")]
    [InlineData("length of a key", 24, "\0\0\0\0\0\0\0\u0001", "a text of")]
    public void Headers_that_are_refused(string what, int at, string bytes, string problem)
    {
        using var made = Made(Small);
        GgufModel.Save(_path, made, null, Write);
        var file = File.ReadAllBytes(_path);
        Encoding.Latin1.GetBytes(bytes).CopyTo(file, at);
        File.WriteAllBytes(_path, file);
        Assert.True(Refusal().Contains(problem, StringComparison.Ordinal), what);
    }

    [Fact]
    public void Cut_off_or_with_something_behind_it_a_file_is_refused()
    {
        using var made = Made(Small);
        GgufModel.Save(_path, made, null, Write);
        var file = File.ReadAllBytes(_path);
        foreach (int length in new[] { 0, 3, 7, 23, 30, 300, 1000, 4000, file.Length / 2, file.Length - 40 })
        {
            File.WriteAllBytes(_path, file[..length]);
            var refusal = Refusal();
            Assert.True(refusal.Contains("cut off", StringComparison.Ordinal) || refusal.Contains("as far as the file has", StringComparison.Ordinal), $"{length}: {refusal}");
        }
        File.WriteAllBytes(_path, [.. file, .. new byte[32]]);
        Assert.Contains("behind", Refusal());
    }

    [Theory]
    [InlineData("llama.block_count", 3u, "blk.2.attn_norm.weight")]
    [InlineData("llama.embedding_length", 48u, "has the shape")]
    [InlineData("llama.embedding_length", 1u << 30, "no model's")]
    [InlineData("llama.attention.head_count", 0u, "no model's")]
    [InlineData("llama.attention.value_length", 8u, "another width")]
    [InlineData("llama.rope.dimension_count", 8u, "a part of them")]
    public void Metadata_that_is_refused(string key, uint value, string problem)
    {
        using var made = Made(Small);
        GgufModel.Save(_path, made, null, Write);
        var file = File.ReadAllBytes(_path);
        int at = file.AsSpan().IndexOf(Encoding.ASCII.GetBytes(key)) + key.Length;
        Assert.Equal(4u, BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at)));
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at + 4), value);
        File.WriteAllBytes(_path, file);
        Assert.Contains(problem, Refusal());
    }

    private Parameters Read()
    {
        using var file = GgufModel.Open(_path).File;
        return file.ReadAll();
    }

    private string Refusal() => Assert.Throws<ModelFileException>(() => GgufModel.Open(_path).File.Dispose()).Message;

    private static void Write(string path, Action<Stream> write)
    {
        using var file = File.Create(path);
        write(file);
    }

    private static Parameters Made(ModelConfig config)
    {
        using var pool = new WorkPool(1);
        return TinyModel.Parameters(config, pool);
    }
}
