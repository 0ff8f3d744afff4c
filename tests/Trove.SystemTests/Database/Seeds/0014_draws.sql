update contribution set draw = '{"question": {}, "proof": {}}';
insert into evaluation (name, asset, asker, deadline, question) values
    (decode(repeat('63', 32), 'hex'), decode(repeat('58', 20), 'hex'), decode(repeat('65', 20), 'hex'), 1772600767, '{"evaluate": {}}');
insert into evaluation_answer (question, committee_epoch, guardian, evaluation, signature)
    select id, 1, decode(repeat('22', 20), 'hex'), decode(repeat('67', 97), 'hex'), decode(repeat('68', 65), 'hex') from evaluation;
