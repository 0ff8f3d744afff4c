insert into work_items (topic, unique_key, payload, state, attempts, max_attempts, due_at, lease, lease_owner, last_error) values
    ('epochs', 'post/1', '{"epoch": 1}', 'ready', 1, 1000, '2026-03-04T05:06:07Z', '00000000-0000-0000-0000-000000000001', 'host/1', null),
    ('verifier/0x01', 'check/1', '{"contribution": "33"}', 'dead', 10, 10, '2026-03-04T05:06:07Z', null, null, 'it failed');
insert into vault_upload_tokens (contribution, token_hash) values (decode(repeat('33', 32), 'hex'), decode(repeat('34', 32), 'hex'));
insert into vault_blobs (contribution, sha256, owner, kind, size, received, state, declared_at, touched_at, stored_at, ended_at) values
    (decode(repeat('33', 32), 'hex'), decode(repeat('35', 32), 'hex'), decode(repeat('22', 20), 'hex'), 'part', 100, 100, 'stored', '2026-03-04T05:06:07Z', '2026-03-04T05:06:08Z', '2026-03-04T05:06:08Z', null),
    (decode(repeat('33', 32), 'hex'), decode(repeat('36', 32), 'hex'), decode(repeat('22', 20), 'hex'), 'evidence', 100, 50, 'receiving', '2026-03-04T05:06:07Z', '2026-03-04T05:06:08Z', null, null),
    (decode(repeat('37', 32), 'hex'), decode(repeat('38', 32), 'hex'), decode(repeat('22', 20), 'hex'), 'evidence', 100, 100, 'destroyed', '2026-03-04T05:06:07Z', '2026-03-04T05:06:08Z', '2026-03-04T05:06:08Z', '2026-03-05T05:06:08Z');
