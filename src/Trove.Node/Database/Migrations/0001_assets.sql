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
    policy          jsonb,           -- null until the founder has published the rules that the hash names
    sealed_tag_key  bytea,           -- an age file to the verifiers only
    created_block   bigint not null
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
