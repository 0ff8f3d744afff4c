-- What the chain said, as this node read it; rows above a reorganisation's fork are deleted with the cursor's move.

create table chain_cursor (
    name   text primary key,
    cursor text not null
);

create table chain_event (
    block     bigint not null,
    log_index int not null,
    block_hash bytea not null,
    tx        bytea not null,
    at        timestamptz not null,
    address   bytea not null,
    asset     bytea not null,
    name      text not null,
    data      jsonb not null,
    primary key (block, log_index)
);
create index chain_event_asset on chain_event (asset, block, log_index);

-- The relayer's raw transactions, journaled before they are broadcast; several of one nonce are one action at rising fees.
create table relayed (
    hash        bytea primary key check (length(hash) = 32),
    nonce       bigint not null,
    raw         bytea not null,
    beneficiary bytea not null,
    max_cost    numeric not null,
    sent_at     timestamptz not null default now(),
    settled_at  timestamptz,
    block       bigint,         -- null when it never happened
    gas         bigint
);
create index relayed_unsettled on relayed (nonce) where settled_at is null;

-- What was reserved for gas, in wei; budgets are per day.
create table relay_cost (
    beneficiary bytea not null,
    cost        numeric not null,
    at          timestamptz not null default now()
);
create index relay_cost_at on relay_cost (at);
