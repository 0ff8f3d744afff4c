using System.Text;
using Trove.Models.Tokenization;

namespace Trove.Tests.Models.Tokenization;

/// <summary>Encoding into a caller's buffer allocates nothing once the encoder's own buffers have grown.</summary>
[Collection(nameof(MeasuresMemory))]
public class EncodingAllocationTests
{
    [Theory]
    [InlineData("Llama 3")]
    [InlineData("Qwen2")] // normalises
    [InlineData("GPT-2 with a space in front")]
    public void Encoding_allocates_nothing(string name)
    {
        var text = Encoding.UTF8.GetBytes(string.Concat(TokenizerVectors.Texts));
        var encoder = TokenizerVectors.Tokenizer(name).CreateEncoder();
        var ids = new int[encoder.MaxTokens(text.Length)];
        long least = long.MaxValue;
        for (int i = 0; i < 10; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            encoder.Encode(text, ids, EncodeOptions.SpecialTokens | EncodeOptions.Template);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        Assert.Equal(0, least);
    }
}
