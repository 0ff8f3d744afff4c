using System.Text.Json.Nodes;
using Trove.Chain.Events;
using Trove.Chain.Rpc;
using Trove.Core;

namespace Trove.Tests.Chain;

public class EventFollowerTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(40)]
    public async Task A_rewrite_of_n_blocks_is_rolled_back_and_read_anew(int depth)
    {
        var chain = Chain(50);
        using var follow = new Following(chain);
        await follow.CatchUpAsync();
        Assert.Equal(50, follow.Applied.Count);
        chain.Drop(depth);
        for (int i = 0; i < depth + 1; i++)
            chain.Mine(1);
        await follow.CatchUpAsync();
        follow.AssertSameAsChain();
        Assert.Equal(1, follow.RollBacks);
    }

    [Fact]
    public async Task A_rewrite_to_before_the_start_begins_again()
    {
        var chain = Chain(10);
        using var follow = new Following(chain, start: 5);
        await follow.CatchUpAsync();
        chain.Drop(8);
        for (int i = 0; i < 20; i++)
            chain.Mine(2);
        await follow.CatchUpAsync();
        follow.AssertSameAsChain();
    }

    [Fact]
    public async Task A_rewrite_deeper_than_the_cursor_remembers_is_an_error_that_says_what_to_do()
    {
        var chain = Chain(400);
        using var follow = new Following(chain);
        await follow.CatchUpAsync();
        chain.Drop(399);
        for (int i = 0; i < 500; i++)
            chain.Mine(1);
        var e = await Assert.ThrowsAsync<ReorganisationTooDeepException>(follow.CatchUpAsync);
        Assert.Contains("index again from block 0", e.Message);
    }

    [Fact]
    public async Task A_node_that_is_behind_rolls_nothing_back()
    {
        var chain = Chain(20);
        using var follow = new Following(chain);
        await follow.CatchUpAsync();
        var later = chain.Blocks.TakeLast(5).ToArray();
        chain.Drop(5);
        await follow.CatchUpAsync();
        chain.Blocks.AddRange(later);
        await follow.CatchUpAsync();
        Assert.Equal(0, follow.RollBacks);
        follow.AssertSameAsChain();
    }

    [Fact]
    public async Task A_node_that_lies_about_parents_is_not_followed()
    {
        var chain = Chain(20);
        chain.Blocks[15] = chain.Blocks[15] with { Parent = Keccak256.Hash("lie"u8) };
        using var follow = new Following(chain);
        var e = await Assert.ThrowsAsync<RpcException>(follow.CatchUpAsync);
        Assert.Equal(RpcFailure.BadReply, e.Failure);
        Assert.Empty(follow.Applied);
    }

    [Fact]
    public async Task Logs_of_a_block_that_is_not_on_the_chain_are_not_taken()
    {
        var chain = Chain(20);
        var other = Chain(20);
        using var node = FakeNode.Of((method, parameters) => method == "eth_getLogs" ? Elsewhere(other.Handle(method, parameters)!) : chain.Handle(method, parameters));
        using var client = node.Client();
        var follower = new EventFollower(client);
        var e = await Assert.ThrowsAsync<RpcException>(() => follower.NextAsync(FollowerCursor.StartAt(0), chain.Filter));
        Assert.Contains("contradict", e.Message);

        static JsonNode Elsewhere(JsonNode logs)
        {
            logs[3]!["blockHash"] = Keccak256.Hash("elsewhere"u8).ToString();
            return logs;
        }
    }

    [Fact]
    public async Task The_range_is_halved_until_the_node_takes_it_and_nothing_is_skipped()
    {
        var chain = Chain(300);
        chain.MaxRange = 7;
        using var follow = new Following(chain);
        await follow.CatchUpAsync();
        follow.AssertSameAsChain();
        chain.MaxRange = 0;
        chain.Mine(1);
        Assert.Equal(RpcFailure.Refused, (await Assert.ThrowsAsync<RpcException>(follow.CatchUpAsync)).Failure);
    }

    [Fact]
    public async Task Only_confirmed_blocks_are_read()
    {
        var chain = Chain(10);
        using var follow = new Following(chain, confirmations: 4);
        await follow.CatchUpAsync();
        Assert.Equal(6, follow.Applied.Count);
        chain.Drop(4);
        for (int i = 0; i < 8; i++)
            chain.Mine(1);
        await follow.CatchUpAsync();
        Assert.Equal(0, follow.RollBacks);
        Assert.Equal(10, follow.Applied.Count);
    }

    [Fact]
    public async Task A_rewrite_before_any_single_question_is_noticed()
    {
        for (int at = 0; at < 20; at++)
        {
            var chain = Chain(10);
            using var follow = new Following(chain);
            await follow.CatchUpAsync();
            chain.Mine(1);
            int question = 0;
            chain.Before = _ =>
            {
                if (question++ != at)
                    return;
                chain.Drop(3);
                for (int i = 0; i < 5; i++)
                    chain.Mine(1);
            };
            await follow.CatchUpAsync();
            await follow.CatchUpAsync();
            follow.AssertSameAsChain();
        }
    }

    // The chain changes at any moment, also between the questions of one reading; the consumer restarts at any moment.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Whatever_happens_the_consumer_ends_with_the_logs_of_the_chain(int seed)
    {
        var random = new Random(seed);
        var chain = Chain(30);
        using var follow = new Following(chain);
        bool calm = false;
        chain.Before = _ =>
        {
            if (calm || random.Next(4) != 0)
                return;
            if (random.Next(3) == 0)
                chain.Drop(random.Next(1, Math.Min(12, chain.Blocks.Count - 1)));
            for (int i = random.Next(5); i >= 0; i--)
                chain.Mine(random.Next(3));
        };
        for (int i = 0; i < 25; i++)
        {
            try
            {
                await follow.StepAsync();
            }
            catch (RpcException e) when (e.Failure == RpcFailure.BadReply)
            {
                // three readings in a row met a rewrite: an error, never a wrong answer
            }
            if (random.Next(5) == 0)
                follow.Restart();
        }
        calm = true;
        chain.Mine(1);
        await follow.CatchUpAsync();
        follow.AssertSameAsChain();
        Assert.True(follow.RollBacks > 0);
    }

    [Fact]
    public void Cursors_come_back_from_text_and_damaged_ones_are_refused()
    {
        Assert.Equal("7", FollowerCursor.Parse("7").ToString());
        var hash = new string('a', 64);
        Assert.Equal(12UL, FollowerCursor.Parse($"7 9:{hash} 11:{hash}").Next);
        foreach (var text in new[] { "", "x", "-1", "7 ", "7 9", $"7 9:{hash[1..]}", $"7 6:{hash}", $"7 9:{hash} 9:{hash}", "7" + string.Concat(Enumerable.Range(8, 200).Select(n => $" {n}:{hash}")) })
            Assert.Throws<FormatException>(() => FollowerCursor.Parse(text));
    }

    private static FakeChain Chain(int blocks)
    {
        var chain = new FakeChain();
        for (int i = 0; i < blocks; i++)
            chain.Mine(1);
        return chain;
    }

    /// <summary>A consumer whose database is a list and a text, changed together.</summary>
    private sealed class Following : IDisposable
    {
        private readonly FakeChain _chain;
        private readonly FakeNode _node;
        private readonly EthClient _client;
        private readonly ulong _confirmations, _start;
        private EventFollower _follower;
        private string _cursor;

        public Following(FakeChain chain, ulong confirmations = 0, ulong start = 0)
        {
            (_chain, _confirmations, _start) = (chain, confirmations, start);
            _node = FakeNode.Of(chain.Handle);
            _client = _node.Client(16 << 20);
            _cursor = FollowerCursor.StartAt(start).ToString();
            _follower = new EventFollower(_client, confirmations, maxRange: 100);
        }

        public List<TimedLog> Applied { get; } = [];
        public int RollBacks { get; private set; }

        public void Restart() => _follower = new EventFollower(_client, _confirmations, maxRange: 100);

        public async Task<bool> StepAsync()
        {
            var batch = await _follower.NextAsync(FollowerCursor.Parse(_cursor), _chain.Filter);
            if (batch.RollBackFrom is { } from)
            {
                RollBacks++;
                Applied.RemoveAll(l => l.Log.Block.Number >= from);
            }
            Applied.AddRange(batch.Logs);
            _cursor = batch.Cursor.ToString();
            return batch.CaughtUp;
        }

        public async Task CatchUpAsync()
        {
            while (!await StepAsync())
            {
            }
        }

        public void AssertSameAsChain()
        {
            Assert.Equal(
                _chain.Blocks.Where(b => b.Number >= _start && b.Number + _confirmations <= _chain.Head.Number).SelectMany(b => b.Logs.Select((l, i) => (b.Number, b.Hash, b.Timestamp, (uint)i, l))),
                Applied.Select(a => (a.Log.Block.Number, a.Log.Block.Hash, a.Timestamp, a.Log.Index, new Hash32(a.Log.Data))));
        }

        public void Dispose()
        {
            _client.Dispose();
            _node.Dispose();
        }
    }
}
