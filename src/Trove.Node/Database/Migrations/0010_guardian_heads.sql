-- Heads of guardians' logs, as they signed them. Of two for one number of entries both stay: the proof that there are two logs.
create table guardian_head (
    id          bigint generated always as identity primary key,
    guardian    bytea not null check (length(guardian) = 20),
    chain       bigint not null check (chain > 0),
    count       bigint not null check (count > 0),
    head        bytea not null check (length(head) = 32),
    time        bigint not null,
    signature   bytea not null check (length(signature) = 65),
    contradicts boolean not null default false,
    received_at timestamptz not null default clock_timestamp()
);
create index guardian_head_newest on guardian_head (guardian, id);
create unique index guardian_head_at on guardian_head (guardian, chain, count, contradicts);
