using Trove.Exports;
using Record = Trove.Exports.Record;

namespace Trove.Tests.Exports;

public class SelectionTests
{
    private static readonly Record Message = new()
    {
        Platform = "whatsapp", Kind = RecordKind.Message, Thread = "t1", Title = "Fishing", Text = "the Tide comes in at nine",
        Time = new DateTimeOffset(2021, 6, 15, 12, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds(), Meta = Metadata.Empty.SetItem("chat", "Family"),
    };

    [Theory]
    [InlineData("message", false)]
    [InlineData("post,message", false)]
    [InlineData("post", true)]
    [InlineData("thread:T1", false)]
    [InlineData("thread:family", false)]
    [InlineData("thread:t", true)]
    [InlineData("before:2021", true)]
    [InlineData("before:2022", false)]
    [InlineData("before:2021-06-15", true)]
    [InlineData("before:2021-06-16", false)]
    [InlineData("after:2021", true)] // after all of it
    [InlineData("after:2020", false)]
    [InlineData("after:2021-06", true)]
    [InlineData("after:2021-06-14", false)]
    [InlineData("text:tide", false)]
    [InlineData("text:tide*nine", false)]
    [InlineData("text:nine*tide", true)]
    [InlineData("text:fish", false)]
    [InlineData("text:low tide", true)]
    public void Rules(string rule, bool keeps) => Assert.Equal(keeps, Selection.Excluding([rule]).Keeps(Message));

    [Theory]
    [InlineData("thread:Ann", false)]
    [InlineData("thread:name:ann", false)]
    [InlineData("thread:name", true)]
    public void A_thread_without_an_id_goes_by_its_name(string rule, bool keeps) => Assert.Equal(keeps, Selection.Excluding([rule]).Keeps(Message with { Thread = "name:Ann" }));

    [Fact]
    public void What_has_no_time_is_excluded_with_any_rule_about_time()
    {
        var undated = Message with { Time = null };
        Assert.False(Selection.Excluding(["before:1990"]).Keeps(undated));
        Assert.False(Selection.Excluding(["after:2090"]).Keeps(undated));
        Assert.True(Selection.Everything.Keeps(undated));
        Assert.True(Selection.Excluding([]).Keeps(undated));
    }

    [Theory]
    [InlineData("massage")]
    [InlineData("before:")]
    [InlineData("before:last year")]
    [InlineData("after:2021-13")]
    [InlineData("text:*")]
    [InlineData("thread:")]
    [InlineData("kind:message")]
    [InlineData("")]
    public void What_is_no_rule_is_said_to_be_none(string rule) =>
        Assert.Contains("thread:NAME", Assert.Throws<FormatException>(() => Selection.Excluding([rule])).Message, StringComparison.Ordinal);

    [Fact]
    public void Rules_are_bounded() => Assert.Throws<FormatException>(() => Selection.Excluding([.. Enumerable.Repeat("message", Selection.MaxRules + 1)]));
}
