-- Votes, grants and custody. Requests and proposals are no tables: they are replayed from the chain's events.

-- Assets founded before there were votes have none of these contracts and cannot be served any more.
alter table asset add column grants bytea not null unique;
alter table asset add column governor bytea not null unique;
alter table asset add column timelock bytea not null;
alter table asset add column custody jsonb not null;    -- guardians, commitments, threshold, runners as the factory announced them
alter table asset add column governance jsonb not null;
alter table asset add column runners bytea[] not null;  -- those registered now

-- A guardian's share of the asset's key: an age file to that guardian only.
create table sealed_share (
    asset    bytea not null references asset,
    guardian bytea not null check (length(guardian) = 20),
    sealed   bytea not null,
    primary key (asset, guardian)
);

-- What guardians answered on a use: partial decryptions in an age file to the use's one-time key, or a refusal.
create table guardian_answer (
    asset       bytea not null references asset,
    request     bytea not null check (length(request) = 32),
    use         int not null,
    key_version int not null,
    guardian    bytea not null,
    proofs      boolean not null,
    sealed      bytea,
    code        text,
    reason      text,
    signature   bytea not null,
    answered_at timestamptz not null default now(),
    primary key (request, use, key_version, guardian, proofs)
);

-- Uses whose runner wants proofs of correct share, because the answers do not open the parts.
create table proofs_wanted (
    request     bytea not null,
    use         int not null,
    key_version int not null,
    primary key (request, use, key_version)
);

-- Results, encrypted to their buyers.
create table result (
    request bytea not null check (length(request) = 32),
    use     int not null,
    hash    bytea not null check (length(hash) = 32),
    sealed  bytea not null,
    primary key (request, use, hash)
);
