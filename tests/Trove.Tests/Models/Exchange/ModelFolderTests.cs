using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using Trove.Chain.Durability;
using Trove.Models;
using Trove.Models.Compute;
using Trove.Models.Exchange;

namespace Trove.Tests.Models.Exchange;

public sealed class ModelFolderTests : IDisposable
{
    private static readonly ModelConfig Small = new(50, 32, 2, 2, 1, 16, 48, 64) { RopeTheta = 500000, AttentionBiases = true };
    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"trove-model-{Guid.NewGuid():N}");

    [Theory]
    [InlineData(StoredType.F32, true)]
    [InlineData(StoredType.BF16, true)]
    [InlineData(StoredType.F16, false)]
    public void What_is_saved_is_loaded(StoredType type, bool tied)
    {
        using var made = Made(Small with { TiedEmbeddings = tied, AttentionBiases = tied });
        ModelFolder.Save(_folder, made, Write, type);
        using var read = ModelFolder.Load(_folder);
        Assert.Equal(made.Config, read.Config);
        foreach (var tensor in made.Tensors)
        {
            var before = made.Values(tensor);
            var after = read.Values(tensor);
            for (int i = 0; i < before.Length; i++)
                Assert.Equal(type switch { StoredType.F32 => before[i], StoredType.F16 => (float)(Half)before[i], _ => BFloat(before[i]) }, after[i]);
        }
        Assert.Empty(Directory.EnumerateFiles(_folder, "*.tmp"));

        // Saved as float32, the same bytes again.
        var again = _folder + "-again";
        ModelFolder.Save(again, read, Write);
        using var third = ModelFolder.Load(again);
        ModelFolder.Save(_folder, third, Write);
        Assert.Equal(System.IO.File.ReadAllBytes(Path.Combine(_folder, "model.safetensors")), System.IO.File.ReadAllBytes(Path.Combine(again, "model.safetensors")));
        Directory.Delete(again, recursive: true);
    }

    // By hand, from the description of the format alone.
    [Fact]
    public void A_file_of_others_is_read()
    {
        var file = File("""{"__metadata__":{"format":"pt"},"b":{"dtype":"BF16","shape":[3],"data_offsets":[8,14]},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"none":{"dtype":"F16","shape":[0,7],"data_offsets":[14,14]},"h":{"dtype":"F16","shape":[],"data_offsets":[14,16]}}""",
            [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 0x80, 0x3f, 0x00, 0xc0, 0xc0, 0x7f, 0x00, 0x3c]);
        using var read = Safetensors.Open(file);
        Assert.Equal(["a", "b", "h", "none"], read.Tensors.Keys.Order(StringComparer.Ordinal));
        Assert.Equal([1f, -2f], Values(read, "a"));
        Assert.Equal([1f, -2f, float.NaN], Values(read, "b"));
        Assert.Equal([1f], Values(read, "h"));
        Assert.Equal([], Values(read, "none"));
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,7]}}""", "other bytes than its shape needs")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "one twice")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "cut off")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "leaves a gap")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "overlaps")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}""", "cut off")]
    [InlineData("""{"a":{"dtype":"I8","shape":[8],"data_offsets":[0,8]}}""", "F32, F16 and BF16")]
    [InlineData("""{"a":{"dtype":"BF16","shape":[4611686018427387903],"data_offsets":[0,9223372036854775806]}}""", "cut off")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", "negative")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}""", "out of bounds")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[9223372036854775807,8]}}""", "other bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]}}""", "too many")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}""", "too many")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}""", "header")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2]}}""", "no type, shape or offsets")]
    [InlineData("""{"a":[]}""", "no object")]
    [InlineData("[]", "no object")]
    [InlineData("""{"a":{"x":[[[[1]]]]}}""", "no valid JSON")]
    [InlineData("{", "no valid JSON")]
    public void Headers_that_are_refused(string header, string problem) =>
        Assert.Contains(problem, Assert.Throws<ModelFileException>(() => Safetensors.Open(File(header, new byte[8])).Dispose()).Message, StringComparison.Ordinal);

    [Fact]
    public void A_length_that_the_file_does_not_have_allocates_nothing()
    {
        foreach (ulong length in new ulong[] { 1, 100, 99_999_999, ulong.MaxValue })
        {
            var path = File("", []);
            var bytes = new byte[8];
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, length);
            System.IO.File.WriteAllBytes(path, bytes);
            long before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Throws<ModelFileException>(() => Safetensors.Open(path).Dispose());
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
        }
        System.IO.File.WriteAllBytes(File("", []), [1, 2, 3]);
        Assert.Throws<ModelFileException>(() => Safetensors.Open(Path.Combine(_folder, "x.safetensors")).Dispose());
    }

    [Theory]
    [InlineData("model_type", "\"gpt2\"", "llama, mistral and qwen2")]
    [InlineData("hidden_act", "\"gelu\"", "silu")]
    [InlineData("rope_scaling", """{"type":"linear","factor":2}""", "rope_scaling")]
    [InlineData("rope_parameters", """{"rope_type":"llama3","rope_theta":500000,"factor":8}""", "rope_type")]
    [InlineData("hidden_size", "1000000000", "width")]
    [InlineData("hidden_size", "31", "multiples of 16")]
    [InlineData("num_attention_heads", "0", "heads")]
    [InlineData("vocab_size", "null", "no number \"vocab_size\"")]
    [InlineData("vocab_size", "1e99", "no configuration")]
    [InlineData("vocab_size", "51", "the configuration asks for [51, 32]")]
    [InlineData("num_hidden_layers", "3", "model.layers.2.input_layernorm.weight")]
    [InlineData("mlp_bias", "true", "biases")]
    [InlineData("rope_theta", "-1", "rope theta")]
    public void Configurations_that_are_refused(string field, string value, string problem)
    {
        using var made = Made(Small);
        ModelFolder.Save(_folder, made, Write);
        var path = Path.Combine(_folder, "config.json");
        var config = JsonNode.Parse(System.IO.File.ReadAllText(path))!;
        config[field] = JsonNode.Parse(value);
        System.IO.File.WriteAllText(path, config.ToJsonString());
        Assert.Contains(problem, Assert.Throws<ModelFileException>(() => ModelFolder.Load(_folder).Dispose()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_in_several_files_are_found_and_names_lead_nowhere_else()
    {
        using var made = Made(Small);
        ModelFolder.Save(_folder, made, Write);
        var (weights, index) = (Path.Combine(_folder, "model.safetensors"), Path.Combine(_folder, "model.safetensors.index.json"));
        System.IO.File.Move(weights, Path.Combine(_folder, "model-00001-of-00001.safetensors"));
        System.IO.File.WriteAllText(index, """{"metadata":{},"weight_map":{"model.norm.weight":"model-00001-of-00001.safetensors"}}""");
        using (var read = ModelFolder.Load(_folder))
            Assert.True(read.Values(read.Tensors[0]).SequenceEqual(made.Values(made.Tensors[0])));
        foreach (var name in new[] { "../model.safetensors", "/etc/passwd", "model.bin", "" })
        {
            System.IO.File.WriteAllText(index, "{\"weight_map\":{\"a\":\"" + name + "\"}}");
            Assert.Throws<ModelFileException>(() => ModelFolder.Load(_folder).Dispose());
        }
    }

    public void Dispose()
    {
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    private static void Write(string path, Action<Stream> write) => DurableFile.Write(path, write);

    private static Parameters Made(ModelConfig config)
    {
        using var pool = new WorkPool(1);
        var parameters = new Parameters(config);
        parameters.Initialize(pool, 7);
        return parameters;
    }

    private string File(string header, byte[] data)
    {
        Directory.CreateDirectory(_folder);
        var path = Path.Combine(_folder, "x.safetensors");
        var json = Encoding.UTF8.GetBytes(header);
        var length = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)json.Length);
        System.IO.File.WriteAllBytes(path, [.. length, .. json, .. data]);
        return path;
    }

    private static float[] Values(Safetensors file, string name)
    {
        var values = new float[file.Tensors[name].Length];
        file.Read(file.Tensors[name], values);
        return values;
    }

    // Rounded to the nearest, ties to even, by the definition.
    private static float BFloat(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return BitConverter.UInt32BitsToSingle((bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000);
    }
}
