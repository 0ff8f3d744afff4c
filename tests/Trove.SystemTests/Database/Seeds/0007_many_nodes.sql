insert into relay_spent (beneficiary, hour, cost) values (decode(repeat('33', 20), 'hex'), date_trunc('hour', now()) - interval '3 hours', 77);
insert into relayed (hash, account, nonce, raw, beneficiary, max_cost) values (decode(repeat('b1', 32), 'hex'), decode(repeat('b2', 20), 'hex'), 9, '\x02', decode(repeat('33', 20), 'hex'), 5);
