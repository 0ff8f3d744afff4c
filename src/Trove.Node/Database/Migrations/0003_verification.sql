-- What verifiers found, and the epochs made of it.

create table attestation (
    contribution bytea not null references contribution,
    verifier     bytea not null check (length(verifier) = 20),
    facts        jsonb,             -- null when it refused
    evidence     jsonb,
    tags_hash    bytea,
    code         text,
    reason       text,
    signature    bytea not null check (length(signature) = 65),
    at           timestamptz not null default now(),
    primary key (contribution, verifier)
);

-- Keyed hashes of records, by their own SHA-256. Kept for ever: novelty is measured against them.
create table tag_list (
    hash  bytea primary key check (length(hash) = 32),
    bytes bytea not null
);

create table epoch (
    asset       bytea not null references asset,
    number      bigint not null check (number > 0),
    state       text not null check (state in ('signing','posted')),
    set_version bigint not null,
    root        bytea not null,
    previous_root bytea not null,
    tree_hash   bytea not null,
    document    jsonb not null,     -- rewards in order, as specs/rewards.md lists them
    closed_at   timestamptz not null default now(),
    primary key (asset, number)
);

-- Its line of its epoch's document, so that showing one contribution does not read the whole epoch.
alter table contribution add column reward jsonb;

create table epoch_signature (
    asset     bytea not null,
    number    bigint not null,
    verifier  bytea not null check (length(verifier) = 20),
    signature bytea not null check (length(signature) = 65),
    primary key (asset, number, verifier),
    foreign key (asset, number) references epoch (asset, number)
);
