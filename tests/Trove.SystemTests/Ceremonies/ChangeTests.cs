using System.Net;
using System.Net.Sockets;
using System.Text;
using Dapper;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Node;
using Trove.Node.Chain;
using Trove.Node.Guardians;
using Trove.Node.Protocol;
using Trove.Node.Verification;
using Trove.SystemTests.Api;
using Trove.SystemTests.Evaluations;
using Trove.SystemTests.Story;
using Trove.SystemTests.Uses;

namespace Trove.SystemTests.Ceremonies;

/// <summary>
/// Two nodes on one database: three guardians make an asset's keys while one node is killed between rounds, the owner invites
/// others, and the keys go to them. The owner's votes are sent through the first node's relayer, and its chain's time is moved on.
/// </summary>
public sealed class ChangeTests(PostgresFixture postgres) : IAsyncLifetime
{
    private const string Passphrase = "of the second node's relayer";

    private readonly string _folder = TestFolder.Create();
    private readonly KeyFile _verifier = KeyFile.Create(), _relayer = KeyFile.Create(); // one relayer for both nodes: it has the money for gas. The founder too, who names other verifiers on chain
    private readonly List<SigningKey> _guardians = [.. Enumerable.Range(0, 6).Select(_ => SigningKey.Generate())];
    private string _database = "";
    private NodeHost _node = null!;
    private NodeInfo _info = null!;
    private EthClient _chain = null!;
    private TroveClient _first = null!, _second = null!;
    private TroveCli _process = null!;
    private string[] _arguments = [];

    private SigningKey Founder => _relayer.SigningKey;

    public async ValueTask InitializeAsync()
    {
        var database = new NpgsqlConnectionStringBuilder(_database = await postgres.NewDatabaseAsync());
        string url = $"postgresql://{database.Username}@localhost/{database.Database}?host={Uri.EscapeDataString(database.Host!)}", blobs = Path.Combine(_folder, "blobs");
        _node = await NodeHost.StartAsync(new NodeOptions { Data = Path.Combine(_folder, "first"), Database = url, Blobs = blobs, LogLevel = LogLevel.None, CeremonyPatience = TimeSpan.FromHours(1), Relayer = _relayer.SigningKey }, default);
        _first = new TroveClient(_node.Address);
        _info = await _first.InfoAsync(default);
        _chain = new EthClient(new Uri(_node.Address, _info.Rpc));
        string file = Path.Combine(_folder, "database"), key = Path.Combine(_folder, "relayer.key"), passphrase = Path.Combine(_folder, "passphrase");
        await File.WriteAllTextAsync(file, url);
        await File.WriteAllTextAsync(passphrase, Passphrase);
        using (var secret = new SecretBytes(Encoding.UTF8.GetBytes(Passphrase)))
            _relayer.Save(key, secret, workFactor: 10);
        int port = FreePort();
        Directory.CreateDirectory(Path.Combine(_folder, "second"));
        _arguments = ["node", "--data", Path.Combine(_folder, "second"), "--port", $"{port}", "--db-file", file, "--blobs", blobs, "--rpc", new Uri(_node.Address, _info.Rpc).ToString(),
            "--factory", _info.Factory.ToString(), "--payment-token", _info.PaymentToken.ToString(), "--confirmations", "0", "--ceremony-patience", "3600", "--relayer-key", key, "--founder", Founder.Address.ToString(), "--passphrase-file", passphrase];
        _second = new TroveClient(new Uri($"http://127.0.0.1:{port}"), longRunning: true);
        Start();
    }

    [Fact]
    public async Task Keys_are_made_and_handed_on_through_nodes_that_die()
    {
        var salt = Member.Fresh();
        var (request, terms) = await Guild.RequestAsync(_info, _chain, Founder, salt, _guardians[..3], 2);
        await _first.StartCeremonyAsync(request, default);
        using var guild = new Guild(terms, _guardians);
        await UpAsync();
        await guild.RoundAsync(_second, guild.Seats);
        await guild.RoundAsync(_second, [0, 1]); // acknowledged, then killed
        await KillAsync();
        var before = await _first.CeremonyAsync(terms.Id, default);
        Assert.Equal(("deal", 5, 1), (before.Round, before.Messages.Count, before.Closings.Count));
        await guild.RoundAsync(_first, [2]);
        await guild.RoundAsync(_first, [0]);
        await UpAsync();
        var made = await guild.RunAsync(_second);
        var told = await _first.CeremonyAsync(terms.Id, default);
        Assert.Equal("done", made.State);
        Assert.Empty(made.Findings);
        Assert.Equal(made.Messages, told.Messages);
        Assert.Equal(made.Closings, told.Closings);
        Assert.Equal(before.Messages, made.Messages.Take(5));
        var asset = await guild.FoundAsync(_first, _info, Founder, salt, made.Result!, [_verifier], "HANDED");
        var old = guild.Shares(made.Result!);
        Evaluators.Know(asset, _guardians[..3], old);
        using var owner = await Owner.EarnAsync(_first, _info, asset, Founder, _verifier);
        var nullifier = await NullifierAsync(asset, "moved", old.Take(2));

        // Five others, three of whom open; the last of the old is one of them. In the first attempt the new ones do not come.
        IReadOnlyList<SigningKey> invited = [.. _guardians[2..6], _guardians[0]];
        await Owner.VoteAsync(_node, _info, asset, owner, new Registry(asset.Registry).InviteGuardians([.. invited.Select(g => g.Address)], 3));
        var attempt = await ChangeAsync(null);
        using (var fruitless = new Guild(attempt, _guardians, old))
        {
            await fruitless.RoundAsync(_first, [0, 1, 2]);
            await AgeAsync("round_since", attempt.Id);
            await UseFixture.WaitAsync(async () => (await _second.CeremonyAsync(attempt.Id, default)).Failure == "member-missing");
        }
        await AgeAsync("ended_at", attempt.Id); // the pause between attempts
        var change = await ChangeAsync(attempt.Id);
        Assert.NotEqual(attempt.Nonce, change.Nonce);
        Assert.Equal(asset.Custody.Commitments, change.OldCommitments);
        Assert.Equal((2u, 3, "0"), (change.New.Epoch, change.New.Threshold, $"{change.SeatOf(_guardians[0].Address)}"));
        using var next = new Guild(change, _guardians, old);
        await next.RoundAsync(_second, next.Seats);
        await KillAsync();
        var handed = await next.RunAsync(_first);
        Assert.Equal(("done", null), (handed.State, handed.Failure));
        Assert.Equal(made.Result!.Recipient, handed.Result!.Recipient);
        await UseFixture.WaitAsync(async () => (await _first.AssetAsync(asset.Asset, default)).Custody.Epoch == 2);
        var now = (await _first.AssetAsync(asset.Asset, default)).Custody;
        Assert.Equal((change.New.Guardians, 3u), (now.Guardians, now.Threshold), (a, b) => a.Item1.SequenceEqual(b.Item1) && a.Item2 == b.Item2);
        Assert.Equal(handed.Result.Transcript, await new Registry(asset.Registry).TranscriptAsync(_chain));
        var held = next.Shares(handed.Result);
        Evaluators.Know(asset, invited, held);
        Assert.Equal(nullifier, await NullifierAsync(asset, "moved", held.Take(3))); // by others, with other shares
        Assert.NotEqual(nullifier, await NullifierAsync(asset, "stayed", held.TakeLast(3)));

        // An invitation that is taken back ends the attempt at it.
        await Owner.VoteAsync(_node, _info, asset, owner, new Registry(asset.Registry).InviteGuardians([_guardians[1].Address], 1));
        var third = await ChangeAsync(change.Id);
        Assert.Equal(3u, third.New.Epoch);
        await Owner.VoteAsync(_node, _info, asset, owner, new Registry(asset.Registry).InviteGuardians([], 0));
        await UseFixture.WaitAsync(async () => (await _first.CeremonyAsync(third.Id, default)).Failure == "not-invited");
        await using var connection = new NpgsqlConnection(_database);
        Assert.Equal([("done", true), ("failed", false), ("failed", false)], await connection.QueryAsync<(string, bool)>("select state, settled from ceremony where founder is null order by state, started_at"));
        await FormerVerifiersAskInVainAsync(asset, invited[0], held[0]);
        foreach (var shares in old.Concat(held))
            shares.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
            await _process.DisposeAsync();
        _second?.Dispose();
        _first?.Dispose();
        _chain?.Dispose();
        if (_node is not null)
            await _node.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
        _guardians.ForEach(g => g.Dispose());
        _verifier.Dispose();
        _relayer.Dispose();
    }

    private async Task<Hash32> NullifierAsync(AssetInfo asset, string account, IEnumerable<EpochShares> shares)
    {
        await using var guardians = Evaluators.Start(_first, _info, [_verifier]);
        using var evaluations = new VerifierEvaluations(_first, _chain, _verifier.SigningKey, TimeSpan.FromMinutes(3), TimeProvider.System);
        var contribution = Member.Fresh();
        return await evaluations.NullifierAsync(await AssetView.ReadAsync(_chain, asset.Asset, default), contribution, Evaluators.Drawn(asset.Asset, contribution, default, default, shares), "reddit", account, default);
    }

    // Its signature is as good as ever; the set is another one. Last, for the founder sends this itself, past the relayer whose key it has.
    private async Task FormerVerifiersAskInVainAsync(AssetInfo asset, SigningKey guardian, EpochShares shares)
    {
        using var successor = KeyFile.Create();
        var call = new Registry(asset.Registry).SetVerifiers([successor.SigningKey.Address], [successor.Identity.Recipient.PublicKey], 1);
        var fees = await _chain.SuggestFeesAsync();
        await _chain.SendRawTransactionAsync(new Transaction
        {
            ChainId = _info.ChainId, Nonce = await _chain.GetTransactionCountAsync(Founder.Address), MaxPriorityFeePerGas = fees.PriorityFee, MaxFeePerGas = fees.BaseFee * 2 + fees.PriorityFee,
            GasLimit = 1_000_000, To = call.To, Data = call.Data,
        }.Sign(Founder).Raw);
        await UseFixture.WaitAsync(async () => (await _first.AssetAsync(asset.Asset, default)).VerifierSetVersion == 2);
        using var former = BlindedQuestion.Create(Nullifiers.TagKeyInput(asset.Asset), _info.ChainId, asset.Ledger, asset.Asset, default, null, _verifier.SigningKey, Member.Soon());
        await SignedRequestTests.RefusedAsync("not-a-verifier", () => _first.AskGuardiansAsync(former.Question, default));
        using var now = BlindedQuestion.Create(Nullifiers.TagKeyInput(asset.Asset), _info.ChainId, asset.Ledger, asset.Asset, default, null, successor.SigningKey, Member.Soon());
        using var node = new InventingNode();
        using var client = node.Client();
        node.Questions.AddRange([new(former.Question, null), new(now.Question, null)]);
        var folder = Path.Combine(_folder, "guardian");
        var store = await ShareStore.OpenAsync(folder, _verifier.Identity);
        await store.PutSharesAsync(asset.Registry, shares);
        var options = new GuardianOptions(folder, 0, []);
        await new GuardianQuestions(client, _chain, guardian, options, store, new GuardianRecords(folder, guardian.Address, options.Limits, NullLogger.Instance, TimeProvider.System), _ => Task.CompletedTask,
            NullLogger.Instance, TimeProvider.System).StepAsync(default);
        Assert.Equal((now.Name, 2u), Assert.Single(node.Taken.Select(t => (t.Question, t.Answer.CommitteeEpoch))));
        Assert.Equal(["begun", "refused", "evaluated"], GuardianLogReader.Newest(GuardianLog.Files(folder)).Reverse().Select(e => e.Outcome));
    }

    private void Start() => _process = TroveCli.Start(Path.Combine(_folder, "second"), _arguments);

    // kill -9, and a new one starts while the story goes on.
    private async Task KillAsync()
    {
        TroveCli.Signal(_process.Id, "KILL");
        Assert.Equal(137, (await _process.EndAsync()).Code);
        await _process.DisposeAsync();
        Start();
    }

    private Task UpAsync() => UseFixture.WaitAsync(async () =>
    {
        Assert.False(_process.HasExited, _process.Error);
        try
        {
            return await _second.InfoAsync(default) is not null;
        }
        catch (TroveApiException)
        {
            return false;
        }
    });

    // The terms of the open ceremony that is the next after another; any guardian of both committees is told it.
    private async Task<CeremonyTerms> ChangeAsync(Hash32? after)
    {
        CeremonyInfo? found = null;
        await UseFixture.WaitAsync(async () =>
        {
            foreach (var guardian in _guardians)
                found ??= (await _first.GuardianCeremoniesAsync(guardian.Address, default)).FirstOrDefault(c => c.Founder is null && c.State == "open" && c.Id != after);
            return found is not null;
        });
        return CeremonyTerms.Parse(Convert.FromBase64String(found!.Terms));
    }

    private async Task AgeAsync(string column, Hash32 id)
    {
        await using var connection = new NpgsqlConnection(_database);
        Assert.Equal(1, await connection.ExecuteAsync($"update ceremony set {column} = {column} - interval '2 hours' where id = @id", new { id = id.ToArray() }));
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
