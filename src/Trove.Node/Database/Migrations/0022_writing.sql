-- Quality has two signals more, language and entropy. What was found before took nothing away for them, and rules from before count neither.

update contribution set reward = reward - 'pairsFactor' || jsonb_build_object('writingFactor', reward->'pairsFactor',
    'quality', reward->'quality' || '{"language": 10000, "entropy": 10000}')
    where reward ? 'pairsFactor';
update policy set document = jsonb_set(document, '{quality}', document->'quality' || '{"language": 0, "entropy": 0}')
    where document ? 'quality';
