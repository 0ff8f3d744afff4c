-- One account may feed an asset again: through the wallet that showed control of it, which is how strongly in control; 0 binds nobody.
alter table contribution add column control int not null default 0;
drop index contribution_nullifier;
create index contribution_nullifier on contribution (asset, nullifier) where nullifier is not null;
