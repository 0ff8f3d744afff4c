insert into epoch (asset, number, state, set_version, root, previous_root, tree_hash, closed_at, contributions, leaves, total) values
    (decode(repeat('58', 20), 'hex'), 2, 'signing', 1, decode(repeat('a1', 32), 'hex'), decode(repeat('77', 32), 'hex'), decode(repeat('a2', 32), 'hex'), '2026-04-04T05:06:07Z', 3, 2, 340282366920938463463374607431768211455);
