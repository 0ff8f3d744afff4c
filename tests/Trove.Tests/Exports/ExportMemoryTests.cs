using System.IO.Compression;
using System.Text;
using static Trove.Tests.Exports.ExportFixture;

namespace Trove.Tests.Exports;

[Collection(nameof(MeasuresMemory))]
public class ExportMemoryTests
{
    private const int TextLength = 1000;

    [Fact]
    public void Rows_come_lazily_in_memory_bounded_by_one_row()
    {
        var row = Encoding.UTF8.GetBytes($"a,u,2021-04-17 19:02:11 UTC,s,l,{new string('w', TextLength)}\n");
        AssertLive("comments.csv", "id,permalink,date,subreddit,link,body\n"u8, row, "\n"u8, most: 500);
    }

    [Fact]
    public void Conversations_come_lazily_in_memory_bounded_by_one_of_them()
    {
        var conversation = Encoding.UTF8.GetBytes(
            "{\"mapping\":{\"a\":{\"message\":{\"author\":{\"role\":\"user\"},\"content\":{\"parts\":[\"" + new string('w', TextLength) + "\"]}}}},\"current_node\":\"a\"},");
        AssertLive("conversations.json", "["u8, conversation, "{}]"u8, most: 1500);
    }

    [Fact]
    public void Tweets_come_lazily_behind_their_assignment()
    {
        var tweet = Encoding.UTF8.GetBytes("{\"tweet\":{\"id_str\":\"1\",\"full_text\":\"" + new string('w', TextLength) + "\"}},");
        AssertLive("data/tweets.js", "window.YTD.tweets.part0 = ["u8, tweet, "{\"tweet\":{}}]"u8, most: 1200);
    }

    [Fact]
    public void Messages_come_lazily_out_of_the_array_in_their_conversation()
    {
        var message = Encoding.UTF8.GetBytes("{\"sender_name\":\"a\",\"timestamp_ms\":1600000000000,\"content\":\"" + new string('w', TextLength) + "\"},");
        AssertLive("messages/inbox/a_123456/message_1.json", "{\"participants\":[{\"name\":\"a\"}],\"messages\":["u8, message, "0],\"title\":\"a\"}"u8, most: 1000);
    }

    [Fact]
    public void Messages_nested_in_an_object_come_lazily_in_memory_bounded_by_one_of_them()
    {
        var message = Encoding.UTF8.GetBytes("{\"id\":1,\"type\":\"message\",\"from_id\":\"user1\",\"text\":\"" + new string('w', TextLength) + "\"},");
        AssertLive("result.json", "{\"personal_information\":{\"user_id\":1},\"chats\":{\"list\":[{\"type\":\"personal_chat\",\"id\":2,\"messages\":["u8, message, "{}]}]}}"u8, most: 1300);
    }

    [Fact]
    public void Lines_of_a_chat_come_lazily_in_memory_bounded_by_one_message() =>
        AssertLive("_chat.txt", [], Encoding.UTF8.GetBytes($"[2024-02-01, 10:00:05] A: {new string('w', TextLength)}\n"), [], most: 400);

    [Fact]
    public void Mails_come_lazily_in_memory_bounded_by_one_of_them() =>
        AssertLive("a.mbox", [], Encoding.UTF8.GetBytes($"From a Mon Feb 10 22:12:47 2020\nFrom: a@b\n\n{new string('w', TextLength)}\n\n"), [], most: 8500);

    [Fact]
    public void Activities_of_a_page_come_lazily()
    {
        var cell = Encoding.UTF8.GetBytes($"<div class=\"outer-cell\"><div class=\"content-cell\"><a href=\"https://www.google.com/search?q=w\">{new string('w', TextLength)}</a><br>Feb 10, 2020, 10:12:47 PM UTC<br></div></div>");
        AssertLive("MyActivity.html", "<html><body>"u8, cell, "</body></html>"u8, most: 3200);
    }

    private static void AssertLive(string name, ReadOnlySpan<byte> head, byte[] item, ReadOnlySpan<byte> tail, int most)
    {
        const int items = 4_000;
        var content = new MemoryStream();
        content.Write(head);
        for (int i = 0; i < items; i++)
            content.Write(item);
        content.Write(tail);
        var zip = Zip([KeyValuePair.Create(name, content.ToArray())], CompressionLevel.NoCompression);
        content = null;
        using var export = Open(zip);
        long before = GC.GetTotalMemory(forceFullCollection: true), peak = 0;
        int count = 0;
        foreach (var _ in export.Records())
        {
            if (++count == items / 2)
                peak = Math.Max(peak, GC.GetTotalMemory(forceFullCollection: true) - before);
        }
        Assert.Equal(items, count);
        Assert.True(peak < 1 << 20, $"{peak} bytes are live while {zip.Length} are read");

        // Again until the code is compiled as it stays: before that even an enumerator is an object.
        long least = long.MaxValue;
        for (int i = 0; i < 60 && least > most; i++)
        {
            long allocated = GC.GetAllocatedBytesForCurrentThread();
            Assert.Equal(items, export.Records().Count());
            least = Math.Min(least, (GC.GetAllocatedBytesForCurrentThread() - allocated) / items - 2 * TextLength);
        }
        Assert.True(least <= most, $"{least} bytes are allocated for a record besides its text");
    }
}
