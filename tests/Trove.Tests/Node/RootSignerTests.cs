using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Verification;

namespace Trove.Tests.Node;

/// <summary>A verifier signs one root for an epoch, whoever asks, after whatever crash, in however many processes.</summary>
public sealed class RootSignerTests : IDisposable
{
    private const ulong Chain = 31337;
    private static readonly Address Ledger = Address.Parse("0x1111111111111111111111111111111111111111"), Other = Address.Parse("0x2222222222222222222222222222222222222222");
    private static readonly EpochRoot Root = new(3, Keccak256.Hash("previous"u8), Keccak256.Hash("root"u8), 1000, 2, Keccak256.Hash("tree"u8), 1);
    private readonly string _folder = Directory.CreateTempSubdirectory("trove-roots-").FullName;
    private readonly SigningKey _key = SigningKey.Generate();

    private string Roots => Path.Combine(_folder, "verifier", "roots");

    public static TheoryData<string> Others => ["root", "total", "leaves", "tree"];

    [Fact]
    public void Same_root_is_signed_again()
    {
        var signature = Signer().Sign(Chain, Ledger, Root);
        Assert.Equal(_key.Address, Secp256k1.Recover(ContractDigests.EpochRoot(Chain, Ledger, Root), signature));
        Assert.Equal(signature, Signer().Sign(Chain, Ledger, Root));
    }

    [Theory]
    [MemberData(nameof(Others))]
    public void Second_root_of_an_epoch_is_not_signed(string other)
    {
        var signer = Signer();
        var second = other switch
        {
            "root" => Root with { Root = Keccak256.Hash("second"u8) },
            "total" => Root with { Total = 1001 },
            "leaves" => Root with { Leaves = 3 },
            _ => Root with { TreeHash = Keccak256.Hash("second"u8) },
        };
        signer.Sign(Chain, Ledger, Root);
        Assert.Throws<SecondRootException>(() => signer.Sign(Chain, Ledger, second));
        Assert.Throws<SecondRootException>(() => Signer().Sign(Chain, Ledger, second)); // started again
        signer.Sign(Chain, Ledger, Root);
    }

    // No contradiction for the contract (Stakes.t.sol, test_WhatIsNoContradictionSlashesNobody): a verifier that refused these would stop for nothing.
    [Fact]
    public void Other_chains_ledgers_epochs_and_sets_have_roots_of_their_own()
    {
        var signer = Signer();
        signer.Sign(Chain, Ledger, Root);
        var second = Root with { Root = Keccak256.Hash("second"u8) };
        signer.Sign(Chain + 1, Ledger, second);
        signer.Sign(Chain, Other, second);
        signer.Sign(Chain, Ledger, second with { Epoch = 4 });
        signer.Sign(Chain, Ledger, second with { PreviousRoot = default });
        signer.Sign(Chain, Ledger, second with { VerifierSetVersion = 2 });
        Assert.Throws<SecondRootException>(() => signer.Sign(Chain, Ledger, second));
    }

    [Fact]
    public void What_was_signed_is_kept_before_there_is_a_signature()
    {
        using var gone = SigningKey.Generate();
        var signer = new RootSigner(Path.Combine(_folder, "verifier"), gone);
        gone.Dispose(); // as if the process had ended here
        Assert.Throws<ObjectDisposedException>(() => signer.Sign(Chain, Ledger, Root));
        Assert.Throws<SecondRootException>(() => Signer().Sign(Chain, Ledger, Root with { Root = Keccak256.Hash("second"u8) }));
        Signer().Sign(Chain, Ledger, Root);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0x")]
    [InlineData("garbage of which nobody knows what was signed")]
    public void Memory_that_cannot_be_read_signs_nothing(string left)
    {
        Signer().Sign(Chain, Ledger, Root);
        File.WriteAllText(Directory.EnumerateFiles(Roots).Single(f => !f.EndsWith("lock", StringComparison.Ordinal)), left);
        Assert.Throws<SecondRootException>(() => Signer().Sign(Chain, Ledger, Root));
    }

    [Fact]
    public async Task Of_two_at_once_one_signs()
    {
        for (uint epoch = 1; epoch <= 20; epoch++)
        {
            using var start = new Barrier(4);
            var signed = await Task.WhenAll(Enumerable.Range(0, 4).Select(i => Task.Factory.StartNew(() =>
            {
                var signer = Signer();
                start.SignalAndWait();
                try
                {
                    signer.Sign(Chain, Ledger, Root with { Epoch = epoch, Leaves = (uint)i });
                    return 1;
                }
                catch (SecondRootException)
                {
                    return 0;
                }
            }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
            Assert.Equal(1, signed.Sum());
        }
    }

    [Fact]
    public void Nothing_is_signed_that_cannot_be_kept()
    {
        var signer = Signer();
        Directory.Delete(Roots, recursive: true);
        Assert.ThrowsAny<IOException>(() => signer.Sign(Chain, Ledger, Root));
    }

    public void Dispose()
    {
        _key.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private RootSigner Signer() => new(Path.Combine(_folder, "verifier"), _key);
}
