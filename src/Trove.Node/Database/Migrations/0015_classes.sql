-- What it takes to decide, by class of proposal. Who was founded before has one rule for everything, as its contract does.
update asset set governance = governance || jsonb_build_object('rules', (
    select jsonb_build_object('query', r, 'copy', r, 'constitution', r) from (
        select jsonb_build_object(
            'votingPeriod', coalesce(governance->'votingPeriod', '0'), 'timelockDelay', coalesce(governance->'timelockDelay', '0'),
            'quorumPercent', coalesce(governance->'quorumPercent', '0'), 'approvalPercent', 50,
            'quorumFloor', coalesce(governance->'quorumFloor', '"0"'), 'proposalThreshold', coalesce(governance->'proposalThreshold', '"0"')) r) one));
