-- Guardians answer in turns: what whoever has votes announces, and verifiers' questions, before strangers' announcements; of each asker the first before anybody's second.
alter table evaluation add column turn int not null default 0 check (turn >= 0);
create index evaluation_turn on evaluation (turn, id);
