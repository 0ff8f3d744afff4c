using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Trove.Chain.Bindings;
using Trove.Chain.Durability;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;
using Trove.Node;
using Trove.Node.Guardians;
using Trove.Node.Protocol;
using Trove.SystemTests.Api;
using Trove.SystemTests.Story;
using Trove.SystemTests.Uses;

namespace Trove.SystemTests.Ceremonies;

/// <summary>
/// Guardians' real processes on a real chain: three make an asset's keys, the owners invite four, and the keys go to them, while one
/// is killed when its state was sealed, and again when its new shares were.
/// </summary>
public sealed class HandingOnTests : IAsyncLifetime
{
    private const string Passphrase = "of the guardian that is killed";

    private readonly string _folder = TestFolder.Create();
    private readonly SigningKey _founder = SigningKey.Generate();
    private readonly KeyFile _verifier = KeyFile.Create();
    private readonly List<KeyFile> _guardians = [.. Enumerable.Range(0, 4).Select(_ => KeyFile.Create())];
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _working = [];
    private NodeHost _node = null!;
    private TroveClient _client = null!;
    private NodeInfo _info = null!;
    private EthClient _chain = null!;
    private TroveCli _killed = null!;

    private string Faults => Path.Combine(_folder, "faults");

    public async ValueTask InitializeAsync()
    {
        _node = await NodeHost.StartAsync(new NodeOptions { Data = Path.Combine(_folder, "node"), LogLevel = LogLevel.None }, default);
        _client = new TroveClient(_node.Address);
        _info = await _client.InfoAsync(default);
        _chain = new EthClient(new Uri(_node.Address, _info.Rpc));
        Directory.CreateDirectory(Faults);
        await File.WriteAllTextAsync(Path.Combine(_folder, "passphrase"), Passphrase);
        using (var secret = SecretBytes.FromText(Passphrase))
            _guardians[0].Save(Path.Combine(_folder, "guardian.key"), secret, workFactor: 10);
        Arm("ceremony.sealed");
        Start();
        foreach (var guardian in _guardians[1..])
            _working.Add(new GuardianProcess(_client, _chain, guardian, new GuardianOptions(Folder(guardian), 0, []), NullLogger<GuardianProcess>.Instance, TimeProvider.System).RunAsync(_stop.Token));
    }

    [Fact]
    public async Task New_shares_open_what_was_sealed_before_and_the_old_ones_are_gone()
    {
        var salt = Member.Fresh();
        List<SigningKey> keys = [.. _guardians.Select(g => g.SigningKey)];
        var (request, terms) = await Guild.RequestAsync(_info, _chain, _founder, salt, keys[..3], 2);
        await _client.StartCeremonyAsync(request, default);
        await KillAtAsync("ceremony.sealed");
        await UseFixture.WaitAsync(async () => (await _client.CeremonyAsync(terms.Id, default)).State == "done");
        Assert.All(_guardians[..3], g => Assert.Equal($"ceremony-{terms.Contract}-1-{terms.Id}.age", Assert.Single(Sealed(g))));
        using var guild = new Guild(terms, keys);
        var asset = await guild.FoundAsync(_client, _info, _founder, salt, (await _client.CeremonyAsync(terms.Id, default)).Result!, [_verifier], "HANDED");
        await UseFixture.WaitAsync(() => Task.FromResult(_guardians[..3].All(g => Sealed(g).SequenceEqual([$"share-{asset.Registry}-1.age"]))));
        var old = await Task.WhenAll(_guardians[..3].Select(g => SharesAsync(g, asset, 1)));
        using var owner = await Owner.EarnAsync(_client, _info, asset, _founder, _verifier);

        Arm("ceremony.share-kept");
        await Owner.VoteAsync(_node, _info, asset, owner, new Registry(asset.Registry).InviteGuardians([.. keys.Select(k => k.Address)], 3));
        await KillAtAsync("ceremony.share-kept");
        await UseFixture.WaitAsync(() => Task.FromResult(_guardians.All(g => Sealed(g).SequenceEqual([$"share-{asset.Registry}-2.age"]))));

        var custody = await new Registry(asset.Registry).CustodyAsync(_chain);
        Assert.Equal((4, 3u), (custody.Guardians.Count, custody.Threshold));
        var key = ThresholdKey.Create(3, custody.Commitments, X25519Recipient.Parse(asset.Recipient));
        var shares = await Task.WhenAll(_guardians.Select(g => SharesAsync(g, asset, 2)));
        var (part, ciphertext) = owner.Parts(_info, asset).Zip(owner.Ciphertexts).First();
        var context = PartDescriptor.ProofContext(_info.ChainId, asset.Ledger, asset.Asset, owner.Id(_info, asset), owner.Key.Address, part.HeaderHash);
        var partials = shares[1..].Select(s => s.Custody.Decrypt(Hex.Decode(part.Proof), part.EphemeralShare, context)).ToList();
        using (var secret = key.Combine(partials))
        using (var opened = await PartOpening.OpenWithSharedSecretAsync(new MemoryStream(ciphertext), key.Recipient, secret))
            await opened.Plaintext.CopyToAsync(Stream.Null);
        // Two new shares are too few, and an old one does not make up for the third.
        Assert.Equal(ThresholdFailure.TooFew, Assert.Throws<ThresholdException>(() => key.Combine(partials[..2])).Failure);
        using var stale = old[0].Custody.Decrypt(Hex.Decode(part.Proof), part.EphemeralShare, context);
        using (var wrong = key.Combine([stale, .. partials[1..]]))
            await Assert.ThrowsAsync<AgeException>(() => PartOpening.OpenWithSharedSecretAsync(new MemoryStream(ciphertext), key.Recipient, wrong));
        foreach (var share in (EpochShares[])[.. old, .. shares])
            share.Dispose();
        partials.ForEach(p => p.Dispose());
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_working);
        if (_killed is not null)
            await _killed.DisposeAsync();
        _client?.Dispose();
        _chain?.Dispose();
        if (_node is not null)
            await _node.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
        _guardians.ForEach(g => g.Dispose());
        _verifier.Dispose();
        _founder.Dispose();
        _stop.Dispose();
    }

    private string Folder(KeyFile guardian) => Path.Combine(_folder, $"guardian-{guardian.SigningKey.Address}");

    private IEnumerable<string> Sealed(KeyFile guardian) => Directory.Exists(Folder(guardian)) ? Directory.EnumerateFiles(Folder(guardian), "*.age").Select(f => Path.GetFileName(f)).Order() : [];

    private async Task<EpochShares> SharesAsync(KeyFile guardian, AssetInfo asset, uint epoch) =>
        (await (await ShareStore.OpenAsync(Folder(guardian), guardian.Identity)).SharesAsync(asset.Registry, epoch))!;

    private void Start() => _killed = TroveCli.Start(_folder, new Dictionary<string, string> { [FaultPoint.Variable] = Faults }, "guardian", "--key", Path.Combine(_folder, "guardian.key"),
        "--passphrase-file", Path.Combine(_folder, "passphrase"), "--data", _folder, "--node", _client.Node.ToString(), "--confirmations", "0");

    private void Arm(string point) => File.WriteAllText(Path.Combine(Faults, point), "");

    // It has come to the point and stands still; then it is gone, and started again.
    private async Task KillAtAsync(string point)
    {
        await UseFixture.WaitAsync(() => Task.FromResult(File.Exists(Path.Combine(Faults, $"{point}.{_killed.Id}"))));
        TroveCli.Signal(_killed.Id, "KILL");
        Assert.Equal(137, (await _killed.EndAsync()).Code);
        await _killed.DisposeAsync();
        Start();
    }
}
