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
