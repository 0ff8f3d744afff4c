using System.Text.Json;
using Dapper;
using Npgsql;
using Trove.Core;
using Trove.Core.Payouts;
using Trove.Core.Rewards;
using Trove.Node.Database;
using Trove.Node.Protocol;

namespace Trove.Node.Assets;

/// <summary>An asset as the chain announced it, with its rules if somebody has published them.</summary>
public sealed record AssetRow(Address Asset, Address Founder, Address Registry, Address Ledger, string Name, string Symbol,
    Address PaymentToken, Hash32 Recipient, Hash32 PolicyHash, AssetPolicy? Policy,
    IReadOnlyList<Address> Verifiers, IReadOnlyList<Hash32> VerifierKeys, int Threshold, ulong SetVersion,
    Address Grants, Address Governor, Address Timelock, Address Stakes, CustodyInfo Custody, GovernanceInfo Governance, CharterInfo Charter, Vesting Vesting)
{
    /// <summary>The rules, or a refusal that says they are not known here.</summary>
    public AssetPolicy RequirePolicy() => Policy ?? throw new Api.ApiException(409, "no-policy",
        $"the rules with hash {PolicyHash} of asset {Asset} have not been published on this node, or are of an earlier version",
        "ask the founder to publish the policy (PUT /api/v1/policies)");
}

/// <summary>Assets in the database.</summary>
public sealed class AssetStore(NodeDatabase database)
{
    private const string Columns = """
        a.asset, a.founder, a.registry, a.ledger, a.name, a.symbol, a.payment_token as PaymentToken, a.recipient,
        a.policy_hash as PolicyHash, p.document::text as Policy,
        a.verifiers, a.verifier_keys as VerifierKeys, a.threshold, a.set_version as SetVersion,
        a.grants, a.governor, a.timelock, a.stakes, a.custody::text as custody, a.governance::text as governance, a.charter::text as charter, a.runners, a.vesting_epochs as VestingEpochs
        from asset a left join policy p on p.hash = a.policy_hash
        """;

    private sealed class Row
    {
        public Address Asset { get; init; }
        public Address Founder { get; init; }
        public Address Registry { get; init; }
        public Address Ledger { get; init; }
        public string Name { get; init; } = "";
        public string Symbol { get; init; } = "";
        public Address PaymentToken { get; init; }
        public Hash32 Recipient { get; init; }
        public Hash32 PolicyHash { get; init; }
        public string? Policy { get; init; }
        public byte[][] Verifiers { get; init; } = [];
        public byte[][] VerifierKeys { get; init; } = [];
        public int Threshold { get; init; }
        public long SetVersion { get; init; }
        public Address Grants { get; init; }
        public Address Governor { get; init; }
        public Address Timelock { get; init; }
        public Address Stakes { get; init; }
        public string Custody { get; init; } = "";
        public string Governance { get; init; } = "";
        public string Charter { get; init; } = "";
        public byte[][] Runners { get; init; } = [];
        public int VestingEpochs { get; init; }

        public AssetRow ToAsset() => new(Asset, Founder, Registry, Ledger, Name, Symbol, PaymentToken, Recipient, PolicyHash,
            ReadPolicy(),
            [.. Verifiers.Select(v => new Address(v))], [.. VerifierKeys.Select(k => new Hash32(k))], Threshold, (ulong)SetVersion,
            Grants, Governor, Timelock, Stakes, JsonSerializer.Deserialize<CustodyInfo>(Custody, TroveJson.Options)! with { Runners = [.. Runners.Select(r => new Address(r))] },
            JsonSerializer.Deserialize<GovernanceInfo>(Governance, TroveJson.Options)!, JsonSerializer.Deserialize<CharterInfo>(Charter, TroveJson.Options)!,
            new Vesting(VestingEpochs));

        // Rules of an earlier version lack what these need: they bind nobody any more.
        private AssetPolicy? ReadPolicy() => Policy is not null && JsonSerializer.Deserialize<AssetPolicy>(Policy, TroveJson.Options) is { } policy && policy.Problem() is null ? policy : null;
    }

    /// <summary>All assets, oldest first.</summary>
    public async Task<IReadOnlyList<AssetRow>> ListAsync(CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        var rows = await connection.QueryAsync<Row>($"select {Columns} order by a.created_block, a.asset limit 100000");
        return [.. rows.Select(r => r.ToAsset())];
    }

    /// <summary>One asset; null when it is not known.</summary>
    public async Task<AssetRow?> FindAsync(Address asset, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return (await connection.QuerySingleOrDefaultAsync<Row>($"select {Columns} where a.asset = @asset", new { asset }))?.ToAsset();
    }

    /// <summary>The asset that a contract belongs to; null when it belongs to none that is known.</summary>
    public async Task<AssetRow?> FindByContractAsync(Address contract, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return (await connection.QuerySingleOrDefaultAsync<Row>($"select {Columns} where @contract in (a.asset, a.ledger, a.registry, a.grants, a.governor, a.stakes)", new { contract }))?.ToAsset();
    }

    /// <summary>Is it a verifier of any asset, by the sets in force?</summary>
    public async Task<bool> IsVerifierAsync(Address address, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return await connection.ExecuteScalarAsync<bool>("select exists (select 1 from asset where @address = any(verifiers))", new { address });
    }

    /// <summary>How many contributions an asset has seen.</summary>
    public async Task<long> CountContributionsAsync(Address asset, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return await connection.ExecuteScalarAsync<long>("select contributions from asset where asset = @asset", new { asset });
    }

    /// <summary>Keeps a policy under its own hash.</summary>
    public async Task PutPolicyAsync(AssetPolicy policy, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await connection.ExecuteAsync("insert into policy (hash, document) values (@hash, @document::jsonb) on conflict do nothing",
            new { hash = policy.Hash(), document = JsonSerializer.Serialize(policy, TroveJson.Options) });
    }

    /// <summary>The registry has another set of verifiers.</summary>
    public static Task SetVerifiersAsync(NpgsqlTransaction tx, Address asset, ulong version, IEnumerable<Address> verifiers, IEnumerable<Hash32> keys, uint threshold) =>
        tx.Connection!.ExecuteAsync("""
            update asset set verifiers = @verifiers, verifier_keys = @keys, threshold = @threshold, set_version = @version
            where asset = @asset and set_version <= @version
            """, new
        {
            asset, version = (long)version, threshold = (int)threshold,
            verifiers = verifiers.Select(v => v.ToArray()).ToArray(), keys = keys.Select(k => k.ToArray()).ToArray(),
        }, tx);

    /// <summary>The registry names another policy.</summary>
    public static Task SetPolicyHashAsync(NpgsqlTransaction tx, Address asset, Hash32 policyHash) =>
        tx.Connection!.ExecuteAsync("update asset set policy_hash = @policyHash where asset = @asset", new { asset, policyHash }, tx);

    /// <summary>The registry names other runners.</summary>
    public static Task SetRunnersAsync(NpgsqlTransaction tx, Address asset, IEnumerable<Address> runners) =>
        tx.Connection!.ExecuteAsync("update asset set runners = @runners where asset = @asset", new { asset, runners = runners.Select(r => r.ToArray()).ToArray() }, tx);

    /// <summary>It takes something else to decide.</summary>
    public static Task SetRulesAsync(NpgsqlTransaction tx, Address asset, RuleSet rules) =>
        tx.Connection!.ExecuteAsync("update asset set governance = jsonb_set(governance, '{rules}', @rules::jsonb) where asset = @asset",
            new { asset, rules = JsonSerializer.Serialize(rules, TroveJson.Options) }, tx);

    /// <summary>Something else is laid down about uses and their money.</summary>
    public static Task SetCharterAsync(NpgsqlTransaction tx, Address asset, CharterInfo charter) =>
        tx.Connection!.ExecuteAsync("update asset set charter = @charter::jsonb where asset = @asset", new { asset, charter = JsonSerializer.Serialize(charter, TroveJson.Options) }, tx);

    /// <summary>The owners have invited guardians to the next committee, or taken that back.</summary>
    public static Task SetInvitedAsync(NpgsqlTransaction tx, Address asset, bool invited) =>
        tx.Connection!.ExecuteAsync("update asset set invited = @invited where asset = @asset", new { asset, invited }, tx);

    /// <summary>The registry has another committee of guardians; the runners stay.</summary>
    public static Task SetGuardiansAsync(NpgsqlTransaction tx, Address asset, CustodyInfo custody) =>
        tx.Connection!.ExecuteAsync("update asset set custody = @custody::jsonb, invited = false where asset = @asset and (custody->>'epoch')::bigint <= @epoch",
            new { asset, custody = JsonSerializer.Serialize(custody, TroveJson.Options), epoch = (long)custody.Epoch }, tx);

    /// <summary>Takes an asset in that the factory announced.</summary>
    public static Task InsertAsync(NpgsqlTransaction tx, AssetRow a, ulong block) => tx.Connection!.ExecuteAsync("""
        insert into asset (asset, founder, registry, ledger, name, symbol, payment_token, recipient, policy_hash,
            verifiers, verifier_keys, threshold, set_version, grants, governor, timelock, stakes, custody, governance, charter, runners, vesting_epochs, created_block)
        values (@Asset, @Founder, @Registry, @Ledger, @Name, @Symbol, @PaymentToken, @Recipient, @PolicyHash,
            @verifiers, @keys, @Threshold, @version, @Grants, @Governor, @Timelock, @Stakes, @custody::jsonb, @governance::jsonb, @charter::jsonb, @runners, @vestingEpochs, @block)
        on conflict do nothing
        """, new
    {
        a.Asset, a.Founder, a.Registry, a.Ledger, a.Name, a.Symbol, a.PaymentToken, a.Recipient, a.PolicyHash, a.Threshold,
        verifiers = a.Verifiers.Select(v => v.ToArray()).ToArray(), keys = a.VerifierKeys.Select(k => k.ToArray()).ToArray(),
        version = (long)a.SetVersion, block = (long)block, a.Grants, a.Governor, a.Timelock, a.Stakes,
        custody = JsonSerializer.Serialize(a.Custody, TroveJson.Options), governance = JsonSerializer.Serialize(a.Governance, TroveJson.Options), charter = JsonSerializer.Serialize(a.Charter, TroveJson.Options),
        runners = a.Custody.Runners.Select(r => r.ToArray()).ToArray(), vestingEpochs = a.Vesting.Epochs,
    }, tx);
}
