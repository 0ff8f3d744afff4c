insert into novelty_record (tag, asset, epoch) select (to_hex(n) || '1111111-1111-1111-1111-111111111111')::uuid, a.serial, 1 from asset a, generate_series(0, 15) n;
insert into novelty_fingerprint (fingerprint, asset, epoch) select n * (1::bigint << 44) + 5, a.serial, 1 from asset a, generate_series(0, 15) n;
insert into novelty_epoch (asset, number, volume) values (decode(repeat('58', 20), 'hex'), 1, 340282366920938463463374607431768211455);
