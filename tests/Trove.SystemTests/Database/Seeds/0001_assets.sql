insert into policy (hash, document) values (decode(repeat('11', 32), 'hex'), '{"sharesPerWord": "1000000000000000000", "kinds": ["comment"]}');
insert into used_nonce (signer, nonce, expires) values (decode(repeat('22', 20), 'hex'), decode(repeat('23', 32), 'hex'), '2026-03-04T05:06:07Z');
