-- Verifiers are drawn by the asset's guardians and no more by a block: the block after the announcement dates a contribution, and that is all.
alter table contribution rename column beacon_block to announced_block;
alter table contribution drop column beacon_hash;
alter table contribution add column draw jsonb; -- the signed announcement and the guardians' evaluations; null: drawn by a block, which no verifier believes any more
-- Of the verifiers, which stand in the order in which they were drawn, the first must agree, and so many are called so far; before this, all.
alter table contribution add column must_agree int, add column called int, add column called_at timestamptz;
update contribution set must_agree = cardinality(verifiers), called = cardinality(verifiers);
alter table contribution alter column must_agree set not null, alter column called set not null;
create index contribution_checked on contribution (called_at) where state = 'verifying';

-- What guardians are asked is a verifier's question or an owner's announcement. Nothing here outlives an hour.
drop table evaluation_answer;
drop table evaluation;
create table evaluation (
    id       bigint generated always as identity primary key,
    name     bytea not null unique check (length(name) = 32), -- digest of what was signed
    asset    bytea not null references asset,
    asker    bytea not null check (length(asker) = 20),
    deadline bigint not null,                                 -- seconds since 1970
    question jsonb not null
);
create index evaluation_of on evaluation (asker);
create index evaluation_ends on evaluation (deadline);

create table evaluation_answer (
    question        bigint not null references evaluation on delete cascade,
    committee_epoch bigint not null,
    guardian        bytea not null check (length(guardian) = 20),
    evaluation      bytea not null check (length(evaluation) = 97),
    signature       bytea not null check (length(signature) = 65),
    primary key (question, committee_epoch, guardian)
);
