using System.Diagnostics;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Api;
using Trove.Node.Assets;
using Trove.Node.Chain;
using Trove.Node.Database;
using Trove.Node.Evaluations;
using Trove.Node.Guardians;
using Trove.Node.Protocol;
using Trove.SystemTests.Api;
using Trove.SystemTests.Uses;

namespace Trove.SystemTests.Evaluations;

/// <summary>Strangers announce all that a node takes: owners come before them, at the node and at the guardians.</summary>
public sealed class FloodTests(UseFixture f) : IClassFixture<UseFixture>
{
    [Fact]
    public async Task Owners_are_drawn_before_a_flood_of_strangers()
    {
        var services = f.Node.Services;
        var (evaluations, database) = (services.GetRequiredService<EvaluationService>(), services.GetRequiredService<NodeDatabase>());
        var asset = await services.GetRequiredService<AssetService>().RequireAsync(f.Asset.Asset, default);
        await using var connection = await database.Source.OpenConnectionAsync();
        var owner = f.Members[0].Key;

        // What they were given today counts from tomorrow on.
        Assert.Equal(0, await PartAsync(owner.Address));
        var chain = services.GetRequiredService<ChainConnection>().Embedded!;
        await chain.AdvanceToAsync(DateTimeOffset.FromUnixTimeSeconds((long)chain.Head.Timestamp).AddDays(1));
        int part = await PartAsync(owner.Address);
        Assert.InRange(part, 1, 9_999);
        Assert.InRange(part + await PartAsync(f.Members[1].Key.Address), part + 1, 10_000);
        using var stranger = SigningKey.Generate();
        Assert.Equal(0, await PartAsync(stranger.Address));

        var first = evaluations.DrawAsync(asset, Announce(stranger), default);
        await UseFixture.WaitAsync(async () => await TurnAsync(stranger.Address) is not null);
        Assert.Equal(EvaluationStore.StrangersTurn, await TurnAsync(stranger.Address));
        const int Many = 1200;
        for (int i = 0; i < Many; i++)
        {
            using var another = SigningKey.Generate();
            var question = Announce(another);
            await database.TransactAsync(tx => EvaluationStore.PutAsync(tx, NameOf(question), asset.Asset, another.Address, Member.Soon(), EvaluationStore.StrangersTurn, new GuardianQuestion(null, question)), default);
        }

        await using (Evaluators.Of(f.Client, f.Info, [.. f.Guardians]))
        {
            await first; // they are in the middle of the flood
            await evaluations.DrawAsync(asset, Announce(owner), default);
            await evaluations.DrawAsync(asset, Announce(owner), default);
            // Each guardian works on two pages of a hundred between its looks at what stands first. In the order of their transactions, however long a test waits to look.
            var before = (await connection.QueryAsync<int>("""
                select count(w.*) filter (where s.turn = @turn and w.xmin::text::bigint between o.xmin::text::bigint and mine.xmin::text::bigint)::int
                from evaluation o join evaluation_answer mine on mine.question = o.id join evaluation_answer w on w.guardian = mine.guardian join evaluation s on s.id = w.question
                where o.asker = @Address and o.turn in (1, 2) group by o.id, mine.guardian
                """, new { turn = EvaluationStore.StrangersTurn, owner.Address })).ToList();
            Assert.InRange(before.Count, 2, 2 * f.Guardians.Count);
            Assert.All(before, strangers => Assert.InRange(strangers, 0, 300));
        }
        Assert.Equal(2, await TurnAsync(owner.Address)); // behind what it contributed at first, as a stranger

        // As many as a node takes of strangers: an owner's comes in still. And what guardians are shown of it they are shown soon.
        await connection.ExecuteAsync("""
            insert into evaluation (name, asset, asker, deadline, turn, question)
            select sha256(n::text::bytea || @Asset), @Asset, substr(sha256(n::text::bytea), 1, 20), @deadline, @turn, '{}' from generate_series(1, @count) n
            """, new { f.Asset.Asset, deadline = Member.Soon(), turn = EvaluationStore.StrangersTurn, count = EvaluationService.OpenOfStrangers });
        await connection.ExecuteAsync("analyze evaluation");
        using var late = SigningKey.Generate();
        Assert.Equal("too-many-questions", (await Assert.ThrowsAsync<ApiException>(() => evaluations.DrawAsync(asset, Announce(late), default))).Code);
        var drawing = evaluations.DrawAsync(asset, Announce(owner), default);
        await UseFixture.WaitAsync(async () => await TurnAsync(owner.Address) == 3);
        var store = services.GetRequiredService<EvaluationStore>();
        var time = Stopwatch.StartNew();
        var rows = await store.OfGuardianAsync(f.Guardians[0].SigningKey.Address, (0, 0), 200, DateTimeOffset.UtcNow.ToUnixTimeSeconds(), default);
        TestContext.Current.SendDiagnosticMessage($"a page of {rows.Count} before {EvaluationService.OpenOfStrangers}: {time.ElapsedMilliseconds} ms");
        Assert.Equal((owner.Address, 200), (rows[0].ToQuestion().Draw!.Owner, rows.Count));
        var plan = string.Join('\n', await connection.QueryAsync<string>("explain select id from evaluation where (turn, id) > (0, 0::bigint) order by turn, id limit 200"));
        Assert.Contains("evaluation_turn", plan, StringComparison.Ordinal);
        await connection.ExecuteAsync("delete from evaluation where question = '{}'");
        await using (Evaluators.Of(f.Client, f.Info, [.. f.Guardians]))
            await drawing;

        Task<int?> TurnAsync(Address asker) => connection.ExecuteScalarAsync<int?>("select turn from evaluation where asker = @asker order by id desc limit 1", new { asker });
    }

    private async Task<int> PartAsync(Address owner)
    {
        ulong head = await f.Chain.BlockNumberAsync();
        var block = await f.Chain.GetBlockAsync(BlockTag.At(head));
        return (await VoteShare.AtDayStartAsync(f.Chain, new ShareToken(f.Asset.Asset), owner, (head, block!.Timestamp), default)).Of(new EvaluationLimits().OfOwners);
    }

    private DrawQuestion Announce(SigningKey owner)
    {
        var question = new DrawQuestion(f.Asset.Asset, Member.Fresh(), owner.Address, Member.Fresh(), 1, Member.Fresh(), Member.Soon(), "");
        return question with { Signature = Hex.Encode(owner.Sign(NameOf(question))) };
    }

    private Hash32 NameOf(DrawQuestion q) => Messages.Announce(Messages.Domain(f.Info.ChainId, f.Asset.Ledger), q.Asset, q.Contribution, q.Owner, q.PartsRoot, q.Size, q.Nonce, q.Deadline);
}
