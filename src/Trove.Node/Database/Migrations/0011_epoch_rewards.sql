-- An epoch's rewards are its contributions' rows: the document that held all of them a second time goes, their sums stay with the epoch.

create index contribution_epoch on contribution (asset, epoch, beacon_block, id) where epoch is not null;
create index contribution_waiting on contribution (asset, beacon_block, id) where state = 'attested' and epoch is null;

alter table epoch add column contributions int, add column leaves int, add column total numeric(39);
update epoch e set (contributions, leaves, total) = (
    select count(*), count(*) filter (where c.reward->>'amount' <> '0'), coalesce(sum((c.reward->>'amount')::numeric), 0)
    from contribution c where c.asset = e.asset and c.epoch = e.number);
alter table epoch alter column contributions set not null, alter column leaves set not null, alter column total set not null, drop column document;
