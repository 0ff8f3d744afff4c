-- What delegates say; and who gave votes to whom, which the chain told before anybody listened.

create table delegate_statement (
    asset     bytea not null check (length(asset) = 20),
    delegate  bytea not null check (length(delegate) = 20),
    revision  bigint not null check (revision > 0),
    text      text not null check (length(text) between 1 and 2000),
    signature bytea not null check (length(signature) = 65),
    at        timestamptz not null default now(),
    primary key (asset, delegate)
);

-- The chain is read again from its beginning: events that are here already stay as they are, and books read those that are added.
update chain_cursor set cursor = '0', rewrites = rewrites + 1 where name = 'events';
