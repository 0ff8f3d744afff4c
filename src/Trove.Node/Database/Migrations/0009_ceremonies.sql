-- Ceremonies, by which guardians make an asset's key and hand it on. The node passes signed messages on and closes rounds; no secret is here.

create table ceremony (
    id          bytea primary key check (length(id) = 32),
    terms       bytea not null,
    contract    bytea not null check (length(contract) = 20),  -- the registry, at creation the one to be
    epoch       bigint not null,                               -- of the new committee
    -- Of a creation: who asked for it. A change is begun by what the owners voted.
    founder     bytea check (length(founder) = 20),
    salt        bytea,
    deadline    bigint,
    signature   bytea,
    state       text not null default 'open' check (state in ('open', 'done', 'failed')),
    round       text not null default 'join',
    failure     text,
    findings    jsonb not null default '[]',
    result      jsonb,
    settled     boolean not null default false,                -- of a change: the chain has a committee of this epoch, or wants none
    started_at  timestamptz not null default now(),
    round_since timestamptz not null default now(),
    ended_at    timestamptz
);
create unique index ceremony_open on ceremony (contract) where state = 'open';
create index ceremony_waiting on ceremony (round_since) where state = 'open';
create index ceremony_unsettled on ceremony (contract) where founder is null and state = 'done' and not settled;
create index ceremony_ended on ceremony (ended_at);

create table ceremony_seat (
    guardian bytea not null check (length(guardian) = 20),
    ceremony bytea not null references ceremony on delete cascade,
    primary key (guardian, ceremony)
);
create index ceremony_seat_of on ceremony_seat (ceremony);

-- Messages and closings in the order in which they were taken; read in that order they give the transcript again. Of one author and
-- round there are two messages at most, the proof of who signed both.
create table ceremony_entry (
    ceremony bytea not null references ceremony on delete cascade,
    position int not null,
    round    int,            -- of a closing: the round that it closes, once and for all
    bytes    bytea not null,
    primary key (ceremony, position),
    unique (ceremony, round)
);

-- An asset founded before has the committee that was dealt its key; its registry knows no other.
update asset set custody = custody || '{"oprfCommitments": [], "epoch": 1}' where not custody ? 'epoch';

-- Committees change: an answer is of one, and those of two do not combine.
alter table asset add column invited boolean not null default false; -- the owners have invited guardians to the next committee
alter table guardian_answer add column committee_epoch int not null default 1;
alter table guardian_answer alter column committee_epoch drop default;
alter table guardian_answer drop constraint guardian_answer_pkey;
alter table guardian_answer add primary key (request, use, key_version, committee_epoch, guardian, proofs);

-- Nobody deals any more. sealed_share stays as it is: what was dealt before is not thrown away.
