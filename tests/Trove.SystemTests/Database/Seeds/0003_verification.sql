insert into tag_list (hash, bytes) values (decode(repeat('44', 32), 'hex'), decode('0102030405', 'hex'));
