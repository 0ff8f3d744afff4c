using System.Numerics;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Crypto;
using Trove.Node.Protocol;
using Trove.SystemTests.Api;
using Trove.SystemTests.Uses;

namespace Trove.SystemTests.Ceremonies;

/// <summary>Guardians of one ceremony, each with its own key and state, who speak through nodes as a guardian's process does.</summary>
internal sealed class Guild : IDisposable
{
    private readonly List<CeremonyParticipant> _participants;
    private readonly IReadOnlyList<SigningKey> _keys;

    public Guild(CeremonyTerms terms, IReadOnlyList<SigningKey> keys, IReadOnlyList<EpochShares>? shares = null)
    {
        (Terms, _keys) = (terms, keys);
        _participants = [.. terms.Seats.Select(s => CeremonyParticipant.Create(terms, s.Guardian, s.Dealer == 0 ? null : shares?[s.Dealer - 1]))];
    }

    public CeremonyTerms Terms { get; }

    public CeremonyParticipant this[int seat] => _participants[seat];

    public SigningKey Key(int seat) => _keys.Single(k => k.Address == Terms.Seats[seat].Guardian);

    public IEnumerable<int> Seats => Enumerable.Range(0, _participants.Count);

    /// <summary>A founder's request for a ceremony of these guardians, and its terms.</summary>
    public static async Task<(CeremonyRequest Request, CeremonyTerms Terms)> RequestAsync(NodeInfo info, EthClient chain, SigningKey founder, Hash32 salt, IReadOnlyList<SigningKey> guardians, int threshold)
    {
        var registry = (await new AssetFactory(info.Factory).PredictAsync(chain, founder.Address, salt)).Registry;
        var terms = CeremonyTerms.Create(info.ChainId, registry, Member.Fresh(), new Committee(1, threshold, [.. guardians.Select(g => g.Address)]));
        long deadline = Member.Soon();
        return (new CeremonyRequest(founder.Address, salt, terms.New.Guardians, (uint)threshold, terms.Nonce, deadline,
            Hex.Encode(founder.Sign(Messages.StartCeremony(Messages.Domain(info.ChainId, info.Factory), terms.Id, founder.Address, salt, deadline)))), terms);
    }

    /// <summary>What a guardian has to say now, having heard all that the node has.</summary>
    public async Task<byte[]?> NextAsync(TroveClient node, int seat)
    {
        var info = await node.CeremonyAsync(Terms.Id, default);
        foreach (var message in info.Messages)
            _participants[seat].Receive(CeremonyMessage.Parse(Convert.FromBase64String(message)));
        foreach (var closing in info.Closings)
            _participants[seat].Receive(CeremonyClosing.Parse(Convert.FromBase64String(closing)));
        return _participants[seat].Next(Key(seat))?.Encode();
    }

    /// <summary>One round of some seats, one after the other; what they say is the caller's to change.</summary>
    public async Task RoundAsync(TroveClient node, IEnumerable<int> seats, Func<int, byte[], byte[]>? forge = null)
    {
        List<(int Seat, byte[] Message)> messages = [];
        foreach (int seat in seats)
            if (await NextAsync(node, seat) is { } message)
                messages.Add((seat, message));
        foreach (var (seat, message) in messages)
            await node.SendCeremonyMessageAsync(Terms.Id, forge?.Invoke(seat, message) ?? message, default);
    }

    /// <summary>All seats, through all rounds, until the ceremony has ended and they have heard how.</summary>
    public async Task<CeremonyInfo> RunAsync(TroveClient node)
    {
        await UseFixture.WaitAsync(async () =>
        {
            await RoundAsync(node, Seats);
            return (await node.CeremonyAsync(Terms.Id, default)).State != "open";
        });
        foreach (int seat in Seats)
            Assert.Null(await NextAsync(node, seat));
        return await node.CeremonyAsync(Terms.Id, default);
    }

    /// <summary>The shares of the new committee, which are those that the result has the commitments of.</summary>
    public IReadOnlyList<EpochShares> Shares(CeremonyResult result)
    {
        var key = ThresholdKey.Create(Terms.New.Threshold, result.Commitments, X25519Recipient.Parse(result.Recipient));
        var function = OprfKey.Create(Terms.New.Threshold, result.OprfCommitments);
        List<EpochShares> shares = [.. Terms.New.Guardians.Select(g => _participants[Terms.SeatOf(g)].TakeShares(result.Transcript))];
        Assert.All(shares, s => Assert.True(s.Matches(key, function)));
        return shares;
    }

    /// <summary>An asset with the keys that a ceremony made.</summary>
    public async Task<AssetInfo> FoundAsync(TroveClient node, NodeInfo info, SigningKey founder, Hash32 salt, CeremonyResult result, IReadOnlyList<KeyFile> verifiers, string symbol)
    {
        var policy = ApiFixture.Policy;
        var custody = new CustodyInfo(Terms.New.Guardians, result.Commitments, result.OprfCommitments, (uint)Terms.New.Threshold, [], 1);
        var governance = ApiFixture.Quick with { Rules = ApiFixture.Votes(60) };
        long deadline = Member.Soon();
        var digest = ContractDigests.CreateAsset(info.ChainId, info.Factory, new AssetParams("Of guardians", symbol, salt, info.PaymentToken, X25519Recipient.Parse(result.Recipient).PublicKey, policy.Hash(),
            (BigInteger)policy.EpochCap.Units, 0, [.. verifiers.Select(v => v.SigningKey.Address)], [.. verifiers.Select(v => v.Identity.Recipient.PublicKey)], (uint)verifiers.Count,
            custody.ToAbi(), governance.ToAbi(), ApiFixture.Small.ToAbi()), founder.Address, (ulong)deadline);
        return await node.CreateAssetAsync(new CreateAssetRequest(founder.Address, "Of guardians", symbol, salt, result.Recipient, policy,
            [.. verifiers.Select(v => new VerifierInfo(v.SigningKey.Address, v.Identity.Recipient.ToString()))], (uint)verifiers.Count, custody, governance, ApiFixture.Small, deadline, Hex.Encode(founder.Sign(digest)),
            new CommitteeProof(result.Transcript, result.Confirmations)), default);
    }

    /// <summary>The message with another body, signed by its author again: what a cheater sends.</summary>
    public byte[] Forge(int seat, byte[] message, Action<byte[]> change)
    {
        var reader = new CanonicalReader(message, "trove/ceremony-message/1");
        var (ceremony, round, author, body) = (reader.Hash(), reader.UInt32(), reader.Address(), reader.Data(CeremonyMessage.MaxSize).ToArray());
        change(body);
        var digest = Eip712.Digest(Eip712.DomainSeparator("Trove", "1", Terms.ChainId, Terms.Contract),
            new Eip712Struct("CeremonyMessage(bytes32 ceremony,uint8 round,address author,bytes body)").Bytes32(ceremony).Uint(round).Address(author).Bytes(body).Hash());
        return [.. new CanonicalWriter("trove/ceremony-message/1").Hash(ceremony).UInt32(round).Address(author).Data(body).Bytes, .. Key(seat).Sign(digest)];
    }

    public void Dispose() => _participants.ForEach(p => p.Dispose());
}
