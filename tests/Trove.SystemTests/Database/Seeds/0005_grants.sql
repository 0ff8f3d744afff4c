-- From here on there are assets: 0005 takes none that were founded before it.
insert into asset (asset, founder, registry, ledger, name, symbol, payment_token, recipient, policy_hash, verifiers, verifier_keys, threshold, set_version, sealed_tag_key, created_block,
    grants, governor, timelock, custody, governance, runners) values
    (decode(repeat('58', 20), 'hex'), decode(repeat('22', 20), 'hex'), decode(repeat('61', 20), 'hex'), decode(repeat('62', 20), 'hex'), 'Seeded', 'SEED', decode(repeat('63', 20), 'hex'),
    decode(repeat('64', 32), 'hex'), decode(repeat('11', 32), 'hex'), array[decode(repeat('65', 20), 'hex')], array[decode(repeat('66', 32), 'hex')], 1, 1, '\x6167652d', 3,
    decode(repeat('67', 20), 'hex'), decode(repeat('68', 20), 'hex'), decode(repeat('69', 20), 'hex'), '{"threshold": 2}', '{"useTime": 60}', array[decode(repeat('6a', 20), 'hex')]);
insert into contribution (id, asset, owner, salt, state, parts, parts_root, beacon_block, beacon_hash, verifiers, set_version, manifest, announced_at, nullifier, epoch, reward) values
    (decode(repeat('33', 32), 'hex'), decode(repeat('58', 20), 'hex'), decode(repeat('22', 20), 'hex'), decode(repeat('71', 32), 'hex'), 'rewarded', '[]', decode(repeat('72', 32), 'hex'), 5,
    decode(repeat('73', 32), 'hex'), array[decode(repeat('65', 20), 'hex')], 1, '{}', '2026-03-04T05:06:07Z', decode(repeat('74', 32), 'hex'), 1, '{"amount": "5"}');
insert into part_share (asset, share, contribution) values (decode(repeat('58', 20), 'hex'), decode(repeat('75', 32), 'hex'), decode(repeat('33', 32), 'hex'));
insert into attestation (contribution, verifier, facts, evidence, tags_hash, signature, at) values
    (decode(repeat('33', 32), 'hex'), decode(repeat('65', 20), 'hex'), '{"words": 5}', '[]', decode(repeat('44', 32), 'hex'), decode(repeat('76', 65), 'hex'), '2026-03-04T05:06:07Z');
insert into epoch (asset, number, state, set_version, root, previous_root, tree_hash, document, closed_at) values
    (decode(repeat('58', 20), 'hex'), 1, 'posted', 1, decode(repeat('77', 32), 'hex'), decode(repeat('00', 32), 'hex'), decode(repeat('78', 32), 'hex'), '[]', '2026-03-04T05:06:07Z');
insert into epoch_signature (asset, number, verifier, signature) values (decode(repeat('58', 20), 'hex'), 1, decode(repeat('65', 20), 'hex'), decode(repeat('79', 65), 'hex'));
insert into sealed_share (asset, guardian, sealed) values (decode(repeat('58', 20), 'hex'), decode(repeat('7a', 20), 'hex'), '\x6167652d');
insert into guardian_answer (asset, request, use, key_version, guardian, proofs, sealed, signature, answered_at) values
    (decode(repeat('58', 20), 'hex'), decode(repeat('7b', 32), 'hex'), 1, 1, decode(repeat('7a', 20), 'hex'), false, '\x6167652d', decode(repeat('7c', 65), 'hex'), '2026-03-04T05:06:07Z');
insert into proofs_wanted (request, use, key_version) values (decode(repeat('7b', 32), 'hex'), 1, 1);
insert into result (request, use, hash, sealed) values (decode(repeat('7b', 32), 'hex'), 1, decode(repeat('7d', 32), 'hex'), '\x6167652d');
