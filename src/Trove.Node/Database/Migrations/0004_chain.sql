-- What the chain said, as this node read it; rows above a reorganisation's fork are deleted with the cursor's move.

create table chain_cursor (
    name   text primary key,
    cursor jsonb not null
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

-- The relayer's raw transactions, journaled before they are broadcast, and what they spent.
create table relayed (
    hash        bytea primary key,
    nonce       bigint not null,
    raw         bytea not null,
    beneficiary bytea not null,
    purpose     text not null,
    gas         bigint not null,
    sent_at     timestamptz not null default now(),
    mined_block bigint
);
create index relayed_pending on relayed (nonce) where mined_block is null;
create index relayed_day on relayed (beneficiary, sent_at);
