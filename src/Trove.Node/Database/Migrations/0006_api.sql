-- What the HTTP API remembers of its clients: first answers for an Idempotency-Key, and sessions of wallets.

-- Keys and answers are unreadable without the client's own key: the row has its hash, and the answer is sealed with it.
create table idempotency (
    key         bytea primary key check (length(key) = 32),         -- SHA-256 of the key
    attempt     uuid not null,                                      -- the request that works on it
    client      bytea not null,                                     -- the address that asked, for the bound on rows
    fingerprint bytea not null check (length(fingerprint) = 32),    -- SHA-256 of method, path and body
    answer      bytea check (length(answer) <= 300000),             -- null while the first request is worked on
    started_at  timestamptz not null default now()
);
create index idempotency_client on idempotency (client);
create index idempotency_started_at on idempotency (started_at);

create table session (
    token   bytea primary key check (length(token) = 32), -- SHA-256 of the token
    address bytea not null check (length(address) = 20),
    expires timestamptz not null
);
create index session_address on session (address, expires);
create index session_expires on session (expires);

-- Authenticates the nonces that sign-in messages carry, the same on all nodes of this database.
create table session_secret (
    id     int primary key default 1 check (id = 1), -- there is one
    secret bytea not null check (length(secret) = 32)
);
