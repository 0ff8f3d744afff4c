using System.Text.Json;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Protocol;

namespace Trove.Tests.Node;

/// <summary>Sign-in messages (EIP-4361), as other implementations sign them.</summary>
public class SignInMessageTests
{
    private static readonly JsonElement All = JsonDocument.Parse(File.ReadAllText(Path.Combine(Vectors.Repository, "specs", "vectors", "sign-in.json"))).RootElement;

    public static TheoryData<string> Accepted => [.. Names("accept")];

    public static TheoryData<string> Refused => [.. Names("refuse")];

    [Theory]
    [MemberData(nameof(Accepted))]
    public void Message_reads_and_writes_and_was_signed_by_its_address(string name)
    {
        var vector = Find("accept", name);
        var text = vector.GetProperty("message").GetString()!;
        var message = Assert.IsType<SignInMessage>(SignInMessage.TryParse(text));
        Assert.Equal(text, message.ToString());
        Assert.Equal(Address.Parse(vector.GetProperty("address").GetString()!), message.Address);
        Assert.Equal((1ul, "32891756", DateTimeOffset.Parse("2021-09-30T16:25:24Z")), (message.ChainId, message.Nonce, message.IssuedAt));
        Assert.Equal(message.Address, Secp256k1.Recover(Eip191.Digest(text), Hex.Decode(vector.GetProperty("signature").GetString()!)));
    }

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_is_no_message_is_refused(string name) => Assert.Null(SignInMessage.TryParse(Find("refuse", name).GetProperty("message").GetString()!));

    [Fact]
    public void Too_long_is_refused_without_reading()
    {
        var text = Find("accept", "WithEverything").GetProperty("message").GetString()!;
        Assert.NotNull(SignInMessage.TryParse(text + new string('a', SignInMessage.MaxLength - text.Length)));
        Assert.Null(SignInMessage.TryParse(text + new string('a', SignInMessage.MaxLength - text.Length + 1)));
    }

    private static IEnumerable<string> Names(string list) => All.GetProperty(list).EnumerateArray().Select(v => v.GetProperty("name").GetString()!);

    private static JsonElement Find(string list, string name) => All.GetProperty(list).EnumerateArray().Single(v => v.GetProperty("name").GetString() == name);
}
