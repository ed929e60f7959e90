CREATE EXTENSION IF NOT EXISTS vector;

-- One row: which model made the vectors. Vectors of two models cannot be compared.
CREATE TABLE index_settings (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    embedding_model text NOT NULL,
    dimension       int  NOT NULL
);

-- The table is the queue as well: a worker takes a row by writing its name and a lease into it.
CREATE TABLE documents (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name         text NOT NULL,
    media_type   text NOT NULL,
    sha256       text NOT NULL UNIQUE,
    size         bigint NOT NULL,
    status       text NOT NULL DEFAULT 'uploading'
                 CHECK (status IN ('uploading', 'queued', 'processing', 'ready', 'failed', 'deleting')),
    error        text,
    attempts     int NOT NULL DEFAULT 0,   -- crashes and faults of the document since it last got on
    waits        int NOT NULL DEFAULT 0,   -- how often it was given back since then, whatever the reason
    worker       text,
    lease_until  timestamptz,
    retry_at     timestamptz,
    chunks_done  int NOT NULL DEFAULT 0,
    chunks_total int,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX documents_open ON documents (created_at) WHERE status <> 'ready';
CREATE INDEX documents_newest ON documents (created_at DESC, id);

CREATE TABLE chunks (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    document_id uuid NOT NULL REFERENCES documents ON DELETE CASCADE,
    ordinal     int  NOT NULL,
    heading     text NOT NULL,
    page        int,
    text        text NOT NULL,
    -- NULL for a passage that its document has word for word before: hundreds of equal vectors are near
    -- to nothing but each other, and a search of the HNSW graph that gets in among them does not get out.
    -- MAIN: stored beside the rest of its row, or reading all vectors would take four times as long.
    embedding   vector($DIMENSION) STORAGE MAIN,
    UNIQUE (document_id, ordinal)
);
CREATE INDEX chunks_embedding ON chunks USING hnsw (embedding vector_cosine_ops)
    WITH (m = 16, ef_construction = 64);

CREATE TABLE conversations (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    owner      text NOT NULL,
    title      text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX conversations_owner ON conversations (owner, updated_at DESC);

CREATE TABLE messages (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    role            text NOT NULL CHECK (role IN ('user', 'assistant')),
    text            text NOT NULL,
    mode            text NOT NULL DEFAULT '',
    sources         jsonb NOT NULL DEFAULT '[]',
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX messages_conversation ON messages (conversation_id, id);
