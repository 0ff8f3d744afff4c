insert into chain_cursor (name, cursor) values ('events', '0 7:0x' || repeat('55', 32));
insert into chain_event (block, log_index, block_hash, tx, at, address, asset, name, data) values
    (7, 0, decode(repeat('55', 32), 'hex'), decode(repeat('56', 32), 'hex'), '2026-03-04T05:06:07Z', decode(repeat('57', 20), 'hex'), decode(repeat('58', 20), 'hex'), 'Transfer', '{"amount": "5"}');
insert into relayed (hash, nonce, raw, beneficiary, max_cost, sent_at, settled_at, block, gas) values
    (decode(repeat('59', 32), 'hex'), 0, '\x02', decode(repeat('22', 20), 'hex'), 123456789012345678901234567890, '2026-03-04T05:06:07Z', '2026-03-04T05:06:08Z', 7, 21000),
    (decode(repeat('5a', 32), 'hex'), 1, '\x02', decode(repeat('22', 20), 'hex'), 1, '2026-03-04T05:06:07Z', null, null, null);
insert into relay_cost (beneficiary, cost, at) values (decode(repeat('22', 20), 'hex'), 340282366920938463463374607431768211455, '2026-03-04T05:06:07Z');
