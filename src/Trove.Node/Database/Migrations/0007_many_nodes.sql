-- Several nodes on one database, and costs that do not grow with what is there already.

-- Whose nonce it is: nodes that pay with the same key share its journal, and the next nonce comes from here.
alter table relayed add column account bytea;
create index relayed_nonce on relayed (account, nonce);

-- Gas by the hour: what one relay costs the database does not grow with how many there were today. The empty beneficiary is all together.
create table relay_spent (
    beneficiary bytea not null,
    hour        timestamptz not null,
    cost        numeric not null,
    primary key (beneficiary, hour)
);
insert into relay_spent select beneficiary, date_trunc('hour', at), sum(cost) from relay_cost group by 1, 2;
insert into relay_spent select '', date_trunc('hour', at), sum(cost) from relay_cost group by 2;
drop table relay_cost;

-- How often events were taken back: a book that another node's rewrite has made wrong is known by it.
alter table chain_cursor add column rewrites bigint not null default 0;

-- Counted as they are announced, because every description of the asset tells the number.
alter table asset add column contributions bigint not null default 0;
update asset a set contributions = (select count(*) from contribution c where c.asset = a.asset);

-- What the vault's quotas ask for, kept beside the blobs: a sum over all of them at each declaration would grow with them.
-- The empty owner is all together.
create table vault_usage (
    owner bytea primary key,
    open  bigint not null,
    bytes bigint not null
);
insert into vault_usage select owner, count(*) filter (where state = 'receiving'), coalesce(sum(size) filter (where state in ('receiving', 'stored', 'destroying')), 0) from vault_blobs group by owner;
insert into vault_usage select '', count(*) filter (where state = 'receiving'), 0 from vault_blobs;

create function count_vault_usage() returns trigger language plpgsql as $$
declare
    opened bigint := (new.state = 'receiving')::int - case when tg_op = 'UPDATE' then (old.state = 'receiving')::int else 0 end;
    kept   bigint := case when new.state in ('receiving', 'stored', 'destroying') then new.size else 0 end
        - case when tg_op = 'UPDATE' and old.state in ('receiving', 'stored', 'destroying') then old.size else 0 end;
begin
    if opened <> 0 or kept <> 0 then
        insert into vault_usage values (new.owner, opened, kept)
            on conflict (owner) do update set open = vault_usage.open + opened, bytes = vault_usage.bytes + kept;
    end if;
    if opened <> 0 then
        update vault_usage set open = open + opened where owner = '';
    end if;
    return null;
end $$;
create trigger vault_usage after insert or update of state on vault_blobs for each row execute function count_vault_usage();
