insert into relay_member (asset, member, spent) values (decode(repeat('44', 20), 'hex'), decode(repeat('33', 20), 'hex'), 340282366920938463463374607431768211455);
