using System.Text;
using Trove.Chain;
using Trove.Chain.Relay;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;

namespace Trove.Tests.Chain;

/// <summary>Two processes that pay with one account, killed between any two of their steps, by seeded schedules.</summary>
public sealed class RelayerKillTests
{
    private const int Schedules = 300;
    private const byte Calls = 6;
    private static readonly Address Contract = new(Enumerable.Repeat((byte)0xC0, 20).ToArray());

    [Fact]
    public async Task Each_call_is_mined_once_whoever_is_killed_when()
    {
        using var key = SigningKey.FromBytes(Enumerable.Repeat((byte)0x46, 32).ToArray());
        // They mostly wait for each other: many at once.
        await Parallel.ForEachAsync(Enumerable.Range(0, Schedules), new ParallelOptions { MaxDegreeOfParallelism = 32 },
            async (seed, _) => await RunAsync(key, new Random(seed), seed));
    }

    private static async Task RunAsync(SigningKey key, Random chance, int seed)
    {
        var network = new RelayerTests.FakeNetwork { Once = true };
        var ledger = new FakeLedger();
        network.Ledger = ledger;
        byte done = 0;
        while (done < Calls)
        {
            Life[] lives = [new(chance.Next(1, 120)), new(chance.Next(1, 120))];
            var processes = await Task.WhenAll(lives.Select(l => StartAsync(key, network, ledger, l)));
            while (done < Calls && processes.Any(p => p is not null) && lives.Any(l => !l.IsOver))
            {
                // Both at once, as when a client asks the second node because the first is slow.
                var call = new RelayRequest(Contract, new ContractCall(Contract, [0xAA, 0xBB, 0xCC, 0xDD, done]));
                var results = await Task.WhenAll(processes.Where(p => p is not null).Select(p => p!.Value.Relayer.RelayAsync(call)));
                if (results.Any(r => r.Receipt is not null || r.Refusal == RelayRefusal.Reverts))
                    done++;
            }
            foreach (var process in processes.OfType<(Relayer Relayer, EthClient Client)>())
            {
                await process.Relayer.DisposeAsync();
                process.Client.Dispose();
            }
        }
        var (last, client) = (await StartAsync(key, network, ledger, new Life()))!.Value;
        using (client)
        await using (last)
            while (!ledger.Unsettled.IsEmpty)
                await Task.Delay(1);

        // One nonce a call, none left out, and no nonce ever promised to two calls.
        Assert.True(network.Mined.Select(m => (m.Transaction.Nonce, m.Transaction.Data[^1])).SequenceEqual(Enumerable.Range(0, Calls).Select(i => ((ulong)i, (byte)i))),
            $"schedule {seed}: {string.Join(", ", network.Mined.Select(m => $"{m.Transaction.Nonce}: {m.Transaction.Data[^1]}"))}");
        Assert.All(ledger.Journaled.Values.GroupBy(t => t.Nonce), g => Assert.Single(g.Select(t => Hex.Encode(SignedTransaction.Decode(t.Raw).Transaction.Data)).Distinct()));
        Assert.True(network.AllWereJournaled);
    }

    // Null for one that died at its start.
    private static async Task<(Relayer Relayer, EthClient Client)?> StartAsync(SigningKey key, RelayerTests.FakeNetwork network, FakeLedger ledger, Life life)
    {
        var client = new EthClient(new Uri("http://127.0.0.1:1/"), handler: new Mortal(life, network));
        try
        {
            return (await Relayer.StartAsync(client, key, new RelayerOptions
            {
                Allows = (_, _) => true, Warn = _ => { }, Poll = TimeSpan.FromMilliseconds(1), BumpAfterPolls = 3, TakeOver = TimeSpan.FromMilliseconds(5),
            }, ledger.Of(life)), client);
        }
        catch (RpcException)
        {
            client.Dispose();
            return null;
        }
    }

    /// <summary>The network as a process reaches it while it lives.</summary>
    private sealed class Mortal(Life life, RelayerTests.FakeNetwork network) : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var body = await request.Content!.ReadAsStringAsync(cancellationToken);
            life.Step();
            string answer;
            lock (network)
                answer = FakeNode.Answers(body, network.Handle);
            life.Step();
            return new HttpResponseMessage { Content = new StringContent(answer, Encoding.UTF8, "application/json") };
        }
    }
}
