-- Assets and contributions. Hashes and addresses are bytea; amounts stay in documents or on chain as integers.

create table asset (
    asset           bytea primary key check (length(asset) = 20),
    founder         bytea not null check (length(founder) = 20),
    registry        bytea not null,
    ledger          bytea not null unique,
    name            text not null,
    symbol          text not null,
    payment_token   bytea not null,
    recipient       bytea not null check (length(recipient) = 32),
    policy_hash     bytea not null,
    verifiers       bytea[] not null,
    verifier_keys   bytea[] not null, -- X25519, in the order of the verifiers
    threshold       int not null,
    set_version     bigint not null,
    sealed_tag_key  bytea,           -- an age file to the verifiers only
    created_block   bigint not null
);

-- Policies by their own hash: whoever has the text may publish it, the hash on chain says which one holds.
create table policy (
    hash     bytea primary key check (length(hash) = 32),
    document jsonb not null
);

-- A signature's nonce serves once; rows may go when the signature has expired anyway.
create table used_nonce (
    signer  bytea not null,
    nonce   bytea not null,
    expires timestamptz not null,
    primary key (signer, nonce)
);
create index used_nonce_expires on used_nonce (expires);

create table contribution (
    id             bytea primary key check (length(id) = 32),
    seq            bigint generated always as identity,
    asset          bytea not null references asset,
    owner          bytea not null check (length(owner) = 20),
    salt           bytea not null,
    state          text not null check (state in ('announced','uploading','verifying','attested','rewarded','refused','withdrawn')),
    parts          jsonb not null,
    parts_root     bytea not null,
    beacon_block   bigint not null,
    beacon_hash    bytea not null,
    verifiers      bytea[] not null,
    set_version    bigint not null,
    manifest       jsonb,
    announced_at   timestamptz not null default now(),
    refusal_code   text,
    refusal        text,
    nullifier      bytea,
    epoch          bigint,
    withdrawn_at   timestamptz
);
create index contribution_asset on contribution (asset, seq);
create index contribution_owner on contribution (owner, seq);
-- One account feeds an asset once: also when two of its contributions are attested in the same second.
create unique index contribution_nullifier on contribution (asset, nullifier) where nullifier is not null;

-- An ephemeral share serves one part: a copied one is somebody asking for another's release.
create table part_share (
    asset        bytea not null references asset,
    share        bytea not null check (length(share) = 32),
    contribution bytea not null references contribution,
    primary key (asset, share)
);
