-- What closed epochs had, by its hash, so that closing the next asks for its own hashes alone. All of it is made of tag lists and rewards and
-- can be made of them again. Ranges of equal width, of hashes that are spread evenly: one may be a foreign table on another server
-- (specs/operations.md), so the unique index that a second insert of the same hash runs into is each partition's own.
alter table asset add column serial int generated always as identity; -- four bytes a row where the address takes twenty-one

create table novelty_record (
    tag   uuid not null,
    asset int not null,
    epoch int not null              -- the first that had it
) partition by range (tag);

create table novelty_fingerprint (
    fingerprint bigint not null,
    asset       int not null,
    epoch       int not null
) partition by range (fingerprint);

-- Epochs whose hashes are all there.
create table novelty_epoch (
    asset  bytea not null references asset,
    number bigint not null,
    volume numeric(39) not null,    -- what it paid for
    primary key (asset, number)
);

-- Empty, with all partitions here, to be filled by the node's own worker.
create function novelty_reset() returns void language plpgsql as $$
declare
    part text;
begin
    for part in select inhrelid::regclass::text from pg_inherits where inhparent in ('novelty_record'::regclass, 'novelty_fingerprint'::regclass) loop
        if (select relkind from pg_class where oid = part::regclass) = 'f' then
            execute format('drop foreign table %s', part);
        else
            execute format('drop table %s', part);
        end if;
    end loop;
    for i in 0..15 loop
        part := to_hex(i);
        execute format('create table novelty_record_%s partition of novelty_record for values from (%L) to (%s)', part,
            part || '0000000-0000-0000-0000-000000000000', case i when 15 then 'maxvalue' else quote_literal(to_hex(i + 1) || '0000000-0000-0000-0000-000000000000') end);
        execute format('create unique index on novelty_record_%s (tag, asset) include (epoch)', part);
        execute format('create table novelty_fingerprint_%s partition of novelty_fingerprint for values from (%s) to (%s)', part, i * (1::bigint << 44), (i + 1) * (1::bigint << 44));
        execute format('create unique index on novelty_fingerprint_%s (fingerprint, asset) include (epoch)', part);
    end loop;
    truncate novelty_epoch;
    insert into work_items (topic, payload, max_attempts)
        select 'epochs', jsonb_build_object('contribution', null, 'asset', '0x' || encode(asset, 'hex'), 'epoch', 0), 1000 from epoch group by asset;
end $$;

select novelty_reset();
