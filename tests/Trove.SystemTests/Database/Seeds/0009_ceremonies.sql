insert into ceremony (id, terms, contract, epoch, founder, salt, deadline, signature, state, round, failure, findings, started_at, round_since, ended_at) values
    (decode(repeat('c1', 32), 'hex'), '\x01', decode(repeat('c2', 20), 'hex'), 1, decode(repeat('22', 20), 'hex'), decode(repeat('c3', 32), 'hex'), 1893456000, decode(repeat('c4', 65), 'hex'),
    'failed', 'join', 'member-missing', '[{"round": "join", "fault": "silent"}]', '2026-03-04T05:06:07Z', '2026-03-04T05:06:08Z', '2026-03-04T05:06:09Z');
insert into ceremony_seat (guardian, ceremony) values (decode(repeat('7a', 20), 'hex'), decode(repeat('c1', 32), 'hex'));
insert into ceremony_entry (ceremony, position, round, bytes) values (decode(repeat('c1', 32), 'hex'), 0, null, '\x02'), (decode(repeat('c1', 32), 'hex'), 1, 1, '\x03');
