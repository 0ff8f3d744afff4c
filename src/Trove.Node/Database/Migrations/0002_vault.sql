-- The work queue. An item that is being worked on has a lease, and is due again when the lease ends:
-- one column, due_at, says when the next worker may take it.
CREATE TABLE work_items (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic        text        NOT NULL CHECK (length(topic) BETWEEN 1 AND 100),
    unique_key   text        CHECK (length(unique_key) BETWEEN 1 AND 200),
    payload      jsonb       NOT NULL,
    state        text        NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'done', 'dead')),
    attempts     int         NOT NULL DEFAULT 0,
    max_attempts int         NOT NULL CHECK (max_attempts > 0),
    due_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    lease        uuid,        -- a new one at each claim, so that a worker that lost its lease cannot end the item
    lease_owner  text,
    last_error   text,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at     timestamptz,
    UNIQUE (topic, unique_key)
);
CREATE INDEX work_items_due ON work_items (topic, due_at, id) WHERE state = 'ready';
CREATE INDEX work_items_ended ON work_items (ended_at) WHERE state = 'done';

-- The vault: who may upload what, how far it came, and what became of it. A row is never deleted: that a blob was
-- destroyed, and when, is part of what a member may ask for.
CREATE TABLE vault_upload_tokens (
    contribution bytea PRIMARY KEY CHECK (octet_length(contribution) = 32),
    token_hash   bytea NOT NULL CHECK (octet_length(token_hash) = 32)
);

CREATE TABLE vault_blobs (
    contribution bytea       NOT NULL CHECK (octet_length(contribution) = 32),
    sha256       bytea       NOT NULL CHECK (octet_length(sha256) = 32),
    owner        bytea       NOT NULL CHECK (octet_length(owner) = 20),
    kind         text        NOT NULL CHECK (kind IN ('part', 'evidence')),
    size         bigint      NOT NULL CHECK (size > 0),
    received     bigint      NOT NULL DEFAULT 0 CHECK (received BETWEEN 0 AND size),
    state        text        NOT NULL DEFAULT 'receiving'
                             CHECK (state IN ('receiving', 'stored', 'expired', 'destroying', 'destroyed')),
    declared_at  timestamptz NOT NULL,
    touched_at   timestamptz NOT NULL,  -- last accepted piece; an unfinished upload expires counted from here
    stored_at    timestamptz,
    ended_at     timestamptz,           -- when it expired or its bytes were gone
    PRIMARY KEY (contribution, sha256),
    CHECK (state <> 'stored' OR (received = size AND stored_at IS NOT NULL)),
    CHECK (state <> 'destroyed' OR ended_at IS NOT NULL)
);
CREATE INDEX vault_blobs_by_hash ON vault_blobs (sha256);
CREATE INDEX vault_blobs_kept_by_owner ON vault_blobs (owner) WHERE state IN ('receiving', 'stored', 'destroying');
CREATE INDEX vault_blobs_unfinished ON vault_blobs (touched_at) WHERE state IN ('receiving', 'destroying');
