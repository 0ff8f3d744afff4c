using Microsoft.Extensions.Logging.Abstractions;
using Trove.Core;
using Trove.Node.Database;
using Trove.Node.Vault;
using static Trove.SystemTests.Vault.VaultTestExtensions;

namespace Trove.SystemTests.Vault;

/// <summary>
/// Random histories against a model that is a dictionary: after every step the vault, its table and its folder agree with
/// it. Crashes happen at the named steps; what was acknowledged before must be there after.
/// </summary>
public sealed class VaultModelTests(PostgresFixture postgres)
{
    private static readonly string[] Steps = ["piece-spooled", "piece-flushed", "piece-committed", "upload-adopted", "destroying", "bytes-deleted"];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Any_history_agrees_with_the_model(int seed)
    {
        var folder = TestFolder.Create();
        try
        {
            await using var database = await postgres.OpenAsync();
            await new History(seed, folder, database).RunAsync(300);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private sealed class Upload
    {
        public BlobState State = BlobState.Receiving;
        public List<byte> Bytes = [];
        public DateTimeOffset Touched;
    }

    private sealed class History(int seed, string folder, NodeDatabase database)
    {
        private static readonly TimeSpan Expiry = TimeSpan.FromHours(10);
        private readonly Random _chance = new(seed);
        private readonly ManualTime _time = new();
        private readonly Hash32[] _contributions = [.. Enumerable.Range(1, 4).Select(i => Content(i, 32).Sha256())];
        private readonly byte[][] _contents = [.. Enumerable.Range(1, 3).Select(i => Content(i, 200 * i))];
        private readonly Dictionary<(Hash32 Contribution, int Content), Upload> _model = [];
        private VaultService _vault = null!;
        private string? _armed;
        private bool _stored;

        public async Task RunAsync(int steps)
        {
            Restart();
            int crashes = 0;
            for (int step = 0; step < steps; step++)
            {
                var contribution = _contributions[_chance.Next(_contributions.Length)];
                int content = _chance.Next(_contents.Length);
                int operation = _chance.Next(20);
                _armed = _chance.Next(2) > 0 ? null : operation is >= 4 and < 14 ? Steps[_chance.Next(4)] : Steps[4 + _chance.Next(2)];
                bool crashed = false;
                try
                {
                    await (operation switch
                    {
                        < 4 => DeclareAsync(contribution, content),
                        < 14 => AppendAsync(contribution, content),
                        < 16 => DestroyAsync(contribution),
                        < 17 => AgeAsync(),
                        _ => ReadAsync(content),
                    });
                }
                catch (CrashException)
                {
                    crashed = true;
                }
                if (crashed)
                {
                    crashes++;
                    Settle();
                    _armed = null;
                    Restart();
                    await _vault.SweepAsync(CancellationToken.None);
                }
                _armed = null;
                await CheckAsync($"seed {seed}, step {step}");
                _stored |= _model.Values.Any(u => u.State == BlobState.Stored);
            }
            Assert.True(crashes > 10 && _stored, $"seed {seed} tells little: {crashes} crashes, anything stored: {_stored}");
        }

        private void Restart()
        {
            _vault = new VaultService(database, new BlobStore(folder, 0), new VaultOptions { Expiry = Expiry, KeepFree = 0 }, _time, NullLogger<VaultService>.Instance);
            _vault.Fault = step =>
            {
                if (step == _armed)
                    throw new CrashException();
            };
        }

        private async Task DeclareAsync(Hash32 contribution, int content)
        {
            var known = _model.GetValueOrDefault((contribution, content));
            if (known?.State == BlobState.Destroyed)
                await RefusedAsync(VaultError.Gone, () => _vault.DeclareAsync(database, contribution, BlobKind.Part, _contents[content]));
            else
                await _vault.DeclareAsync(database, contribution, BlobKind.Part, _contents[content]);
            if (known is null || known.State == BlobState.Expired)
                _model[(contribution, content)] = new Upload { Touched = _time.Now };
        }

        private async Task AppendAsync(Hash32 contribution, int content)
        {
            var right = _contents[content];
            int received = _model.TryGetValue((contribution, content), out var upload) ? upload.Bytes.Count : 0;
            int offset = _chance.Next(4) == 0 ? _chance.Next(right.Length) : Math.Min(received, right.Length - 1);
            int length = _chance.Next(5) == 0 ? right.Length - offset : _chance.Next(1, Math.Min(100, right.Length - offset) + 1);
            var bytes = right[offset..(offset + length)];
            if (_chance.Next(10) == 0)
                bytes[_chance.Next(length)] ^= 0x55;
            Task<BlobStatus> Send() => _vault.AppendAsync(contribution, right.Sha256(), offset, new MemoryStream(bytes), length, CancellationToken.None);

            if (upload is null)
                await RefusedAsync(VaultError.NotFound, Send);
            else if (upload.State is BlobState.Expired or BlobState.Destroyed)
                await RefusedAsync(VaultError.Gone, Send);
            else if (offset + length <= received)
            {
                if (upload.Bytes[offset..(offset + length)].SequenceEqual(bytes))
                    Assert.Equal(received, (await Send()).Received);
                else
                    await RefusedAsync(VaultError.OtherBytes, Send);
            }
            else if (offset != received)
                Assert.Equal(received, (await RefusedAsync(VaultError.WrongOffset, Send)).Received);
            else if (received + length < right.Length || upload.Bytes.Concat(bytes).SequenceEqual(right))
            {
                var before = upload.Bytes;
                upload.Bytes = [.. before, .. bytes];
                _unsure = (upload, before, received + length == right.Length);
                var status = await Send();
                _unsure = null;
                upload.Touched = _time.Now;
                upload.State = status.State;
                Assert.Equal(received + length == right.Length ? BlobState.Stored : BlobState.Receiving, status.State);
            }
            else
            {
                var before = upload.Bytes;
                upload.Bytes = [];
                _unsure = (upload, before, false);
                await RefusedAsync(VaultError.HashMismatch, Send);
                _unsure = null;
                upload.Touched = _time.Now;
            }
        }

        private (Upload Upload, List<byte> Before, bool Completes)? _unsure;

        /// <summary>After a crash in a piece: it counts if and only if its transaction had committed; the sweep does the rest.</summary>
        private void Settle()
        {
            if (_unsure is not { } unsure)
                return;
            _unsure = null;
            if (_armed is "piece-committed" or "upload-adopted")
            {
                unsure.Upload.Touched = _time.Now;
                if (unsure.Completes)
                    unsure.Upload.State = BlobState.Stored;
            }
            else
                unsure.Upload.Bytes = unsure.Before;
        }

        private async Task DestroyAsync(Hash32 contribution)
        {
            foreach (var upload in _model.Where(m => m.Key.Contribution == contribution).Select(m => m.Value))
                upload.State = BlobState.Destroyed; // decided by the first commit; a crash later only delays the bytes
            if (_chance.Next(4) > 0) // a destroyed contribution stays so: newcomers keep the history going
                _contributions[Array.IndexOf(_contributions, contribution)] = Content(_chance.Next(1000, int.MaxValue), 32).Sha256();
            await _vault.DestroyAsync(contribution, null, CancellationToken.None);
        }

        private async Task AgeAsync()
        {
            _time.Now += TimeSpan.FromHours(6);
            await _vault.SweepAsync(CancellationToken.None);
            foreach (var upload in _model.Values.Where(u => u.State == BlobState.Receiving && u.Touched < _time.Now - Expiry))
            {
                upload.State = BlobState.Expired;
                upload.Bytes = [];
            }
        }

        private async Task ReadAsync(int content)
        {
            var uploads = _model.Where(m => m.Key.Content == content).Select(m => m.Value.State).ToList();
            if (uploads.Contains(BlobState.Stored))
            {
                await using var read = await _vault.OpenReadAsync(_contents[content].Sha256(), BlobKind.Part, CancellationToken.None);
                using var copy = new MemoryStream();
                await read.CopyToAsync(copy);
                Assert.Equal(_contents[content], copy.ToArray());
            }
            else
            {
                var e = await Assert.ThrowsAsync<VaultException>(() => _vault.OpenReadAsync(_contents[content].Sha256(), BlobKind.Part, CancellationToken.None));
                Assert.True(e.Error is VaultError.NotFound or VaultError.Gone);
            }
        }

        private async Task CheckAsync(string where)
        {
            foreach (var contribution in _model.Keys.Select(k => k.Contribution).Distinct().ToList())
                foreach (var status in await _vault.StatusAsync(contribution, CancellationToken.None))
                {
                    var upload = _model[(contribution, Array.FindIndex(_contents, c => c.Sha256() == status.Sha256))];
                    Assert.True(status.State == upload.State, $"{where}: {status} but the model says {upload.State}");
                    if (upload.State is BlobState.Receiving or BlobState.Stored)
                        Assert.True(status.Received == upload.Bytes.Count, $"{where}: {status} but the model says {upload.Bytes.Count}");
                }
            for (int i = 0; i < _contents.Length; i++)
            {
                var hex = _contents[i].Sha256().ToHex();
                bool kept = _model.Any(m => m.Key.Content == i && m.Value.State == BlobState.Stored);
                Assert.True(File.Exists(Path.Combine(folder, hex[..2], hex[2..])) == kept, $"{where}: blob {i} on the disk should be {kept}");
            }
            foreach (var file in Directory.EnumerateFiles(Path.Combine(folder, "uploads")))
                Assert.True(_model.Any(m => m.Value.State == BlobState.Receiving
                    && Path.GetFileName(file) == $"{m.Key.Contribution.ToHex()}-{_contents[m.Key.Content].Sha256().ToHex()}"), $"{where}: {file} belongs to no open upload");
            Assert.Empty(Directory.EnumerateFiles(Path.Combine(folder, "tmp")));
        }

        private static async Task<VaultException> RefusedAsync(VaultError error, Func<Task> action)
        {
            try
            {
                await action();
            }
            catch (VaultException e)
            {
                Assert.Equal(error, e.Error);
                return e;
            }
            throw new Xunit.Sdk.XunitException($"the vault should have refused: {error}");
        }
    }
}
