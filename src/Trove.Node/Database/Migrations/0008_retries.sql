-- What was signed may be sent again until it succeeded.

-- The digest of the request that is worked on under a nonce; null when it is done.
alter table used_nonce add column working bytea check (length(working) = 32);

-- What was signed, where the contract would take the call twice: one key is mined once.
alter table relayed add column key bytea check (length(key) = 32);
create index relayed_key on relayed (account, key) where key is not null;
