using System.Net;
using System.Net.Http.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Guardians;
using Trove.Node.Protocol;

namespace Trove.Tests.Guardians;

/// <summary>The head of a guardian's log goes out once a minute at most, and a log that lost what was published does not go on as if nothing were.</summary>
public sealed class LogHeadPublisherTests : IDisposable
{
    private const ulong ChainId = 31337;
    private readonly SigningKey _key = SigningKey.Generate();
    private readonly string _folder = Directory.CreateTempSubdirectory("trove-guardian-heads-").FullName;
    private readonly SetClock _clock = new();
    private readonly Node _node = new();
    private readonly TroveClient _client;

    public LogHeadPublisherTests() => _client = new TroveClient(new Uri("http://127.0.0.1:1"), longRunning: false, _node);

    [Fact]
    public async Task Head_is_published_at_once_and_then_once_a_minute_after_changes()
    {
        var log = Log();
        var publisher = Publisher(log);
        for (int i = 0; i < 3; i++)
            await publisher.PublishAsync(ChainId, default);
        var head = Assert.Single(_node.Published);
        Assert.Equal((1u, 1UL, log.Head), (head.Chain, head.Count, head.Head));
        Assert.True(new LogHeadInfo(_key.Address, head.Chain, head.Count, head.Head, head.Time, head.Signature, false).IsSignedBy(_key.Address, ChainId));
        log.Append(GuardianLogTests.Refusal("one"));
        log.Append(GuardianLogTests.Refusal("two"));
        await publisher.PublishAsync(ChainId, default);
        Assert.Single(_node.Published);
        _clock.Now += TimeSpan.FromSeconds(61);
        await publisher.PublishAsync(ChainId, default);
        Assert.Equal(3UL, _node.Published[1].Count);
        _clock.Now += TimeSpan.FromSeconds(61);
        await publisher.PublishAsync(ChainId, default); // nothing has changed
        Assert.Equal(2, _node.Published.Count);
        Assert.Equal(1, _node.Asked);
    }

    [Fact]
    public async Task Head_that_the_node_does_not_take_stops_nothing_and_is_tried_again()
    {
        var log = Log();
        var publisher = Publisher(log);
        _node.Status = HttpStatusCode.Conflict;
        await publisher.PublishAsync(ChainId, default);
        _node.Status = HttpStatusCode.NoContent;
        await publisher.PublishAsync(ChainId, default);
        Assert.Empty(_node.Published);
        _clock.Now += TimeSpan.FromSeconds(61);
        await publisher.PublishAsync(ChainId, default);
        Assert.Single(_node.Published);
    }

    [Fact]
    public async Task Log_whose_published_entries_are_lost_goes_on_in_another_chain_that_names_them()
    {
        var log = Log();
        log.Append(GuardianLogTests.Refusal("kept"));
        var lost = Keccak256.Hash("lost"u8);
        _node.Shown = [Signed(1, 9, lost), Signed(1, 2, log.Head)];
        await Publisher(log).CompareAsync(ChainId, default);
        Assert.Equal((2u, 1UL), (log.Chain, log.Count));
        Assert.Equal(new LostHead(1, 9, lost), log.Newest().First().Lost);

        // Brought back once more, to before even that: after the newest chain of all.
        Directory.Delete(_folder, recursive: true);
        log = Log();
        _node.Shown = [Signed(2, 4, lost), Signed(1, 9, lost)];
        await Publisher(log).CompareAsync(ChainId, default);
        Assert.Equal((3u, new LostHead(2, 4, lost)), (log.Chain, log.Newest().First().Lost!));
        Assert.Equal(3u, GuardianLog.Open(_folder, _key.Address, _clock).Chain);
    }

    [Fact]
    public async Task Log_with_another_entry_at_a_published_number_goes_on_in_another_chain()
    {
        var log = Log();
        log.Append(GuardianLogTests.Refusal("one"));
        log.Append(GuardianLogTests.Refusal("two"));
        _node.Shown = [Signed(1, 2, Keccak256.Hash("another"u8))];
        await Publisher(log).CompareAsync(ChainId, default);
        Assert.Equal(2u, log.Chain);
    }

    [Fact]
    public async Task Log_that_has_all_that_was_published_goes_on_and_forged_heads_move_nobody()
    {
        var log = Log();
        var first = log.Head;
        log.Append(GuardianLogTests.Refusal("one"));
        var forged = Signed(1, 9, Keccak256.Hash("forged"u8));
        _node.Shown = [forged with { Count = 10 }, forged with { Guardian = default }, forged with { Chain = 7 }, Signed(1, 9, default, chainId: 1), Signed(1, 1, first)];
        var publisher = Publisher(log);
        await publisher.CompareAsync(ChainId, default);
        Assert.Equal((1u, 2UL), (log.Chain, log.Count));
        await publisher.PublishAsync(ChainId, default);
        Assert.Equal(2UL, Assert.Single(_node.Published).Count);
    }

    public void Dispose()
    {
        _client.Dispose();
        _key.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private GuardianLog Log() => GuardianLog.Open(_folder, _key.Address, _clock);

    private LogHeadPublisher Publisher(GuardianLog log) => new(_client, _key, log, NullLogger.Instance, _clock);

    private LogHeadInfo Signed(uint chain, ulong count, Hash32 head, ulong chainId = ChainId) =>
        new(_key.Address, chain, count, head, 5, Hex.Encode(_key.Sign(Messages.LogHead(chainId, _key.Address, chain, count, head, 5))), false);

    private sealed class SetClock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.FromUnixTimeSeconds(1_800_000_000);

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override DateTimeOffset GetUtcNow() => Now;

        public override long GetTimestamp() => Now.UtcTicks;
    }

    private sealed class Node : HttpMessageHandler
    {
        public List<LogHeadInfo> Shown { get; set; } = [];

        public List<LogHeadRequest> Published { get; } = [];

        public HttpStatusCode Status { get; set; } = HttpStatusCode.NoContent;

        public int Asked { get; private set; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.Method == HttpMethod.Get)
            {
                Asked++;
                return new HttpResponseMessage(HttpStatusCode.OK) { Content = JsonContent.Create(Shown, options: TroveJson.Options) };
            }
            if (Status == HttpStatusCode.NoContent)
                Published.Add((await request.Content!.ReadFromJsonAsync<LogHeadRequest>(TroveJson.Options, cancellationToken))!);
            return new HttpResponseMessage(Status) { Content = JsonContent.Create(new { type = "urn:trove:problem:log-behind" }) };
        }
    }
}
