-- Epochs in which an asset's shares vest, as its ledger was founded. Nodes founded none with steps until now.
alter table asset add column vesting_epochs int not null default 0 check (vesting_epochs between 0 and 15);
