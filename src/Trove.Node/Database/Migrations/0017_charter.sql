-- What is laid down about uses and their money, which the governance had until now. Who was founded before has contracts without stakes.
alter table asset add column stakes bytea not null default decode(repeat('00', 20), 'hex');
alter table asset add column charter jsonb;
update asset set charter = jsonb_build_object(
    'useTime', coalesce(governance->'useTime', '3600'), 'minimumGroupSize', coalesce(governance->'minimumGroupSize', '10'),
    'minimumSnapshotLeaves', coalesce(governance->'minimumSnapshotLeaves', '10'), 'challengeTime', 0, 'period', 2592000, 'budget', 0,
    'runnerStake', '0', 'verifierStake', '0', 'standing', jsonb_build_object('minimumPrice', '0', 'maximumEpsilon', 0, 'minimumGroupSize', 0, 'uses', 0), 'fees', '[]'::jsonb);
alter table asset alter column charter set not null, alter column stakes drop default;
