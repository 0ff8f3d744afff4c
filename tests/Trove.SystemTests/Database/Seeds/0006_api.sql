insert into idempotency (key, attempt, client, fingerprint, answer) values
    (decode(repeat('a1', 32), 'hex'), gen_random_uuid(), '\x7f000001', decode(repeat('a2', 32), 'hex'), '\x0102'),
    (decode(repeat('a3', 32), 'hex'), gen_random_uuid(), '\x7f000001', decode(repeat('a4', 32), 'hex'), null);
insert into session (token, address, expires) values (decode(repeat('a5', 32), 'hex'), decode(repeat('22', 20), 'hex'), now() + interval '1 hour');
insert into session_secret (secret) values (decode(repeat('a6', 32), 'hex'));
