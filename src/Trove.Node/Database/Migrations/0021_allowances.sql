-- What was ever paid for one account in one asset, in wei: a day's sums alone let the same account come again every month.
create table relay_member (
    asset  bytea not null,
    member bytea not null,
    spent  numeric not null,
    primary key (asset, member)
);
