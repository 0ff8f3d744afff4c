-- What verifiers have an asset's guardians evaluate, and the answers, until the questions' deadlines. All is blinded: nothing here says what is asked.
create table evaluation (
    id           bigint generated always as identity primary key,
    name         bytea not null unique check (length(name) = 32), -- digest of the question
    asset        bytea not null references asset,
    contribution bytea not null check (length(contribution) = 32),
    verifier     bytea not null check (length(verifier) = 20),
    blinded      bytea not null check (length(blinded) = 32),
    deadline     bigint not null,                                 -- seconds since 1970
    signature    bytea not null check (length(signature) = 65)
);
create index evaluation_of on evaluation (verifier);
create index evaluation_ends on evaluation (deadline);

create table evaluation_answer (
    question        bigint not null references evaluation on delete cascade,
    committee_epoch bigint not null,
    guardian        bytea not null check (length(guardian) = 20),
    evaluation      bytea not null check (length(evaluation) = 97),
    signature       bytea not null check (length(signature) = 65),
    primary key (question, committee_epoch, guardian)
);

-- Tags of records are keyed by the guardians' function: no founder makes that key, and nobody reads this one.
alter table asset drop column sealed_tag_key;
