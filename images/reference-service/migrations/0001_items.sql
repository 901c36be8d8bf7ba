-- Expand only: the version before this one keeps working while both run.
CREATE TABLE public.items (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  note text,
  created_at timestamptz NOT NULL DEFAULT now(),
  -- A repeated request finds the row of the first one by its key, and is told from
  -- another request under the same key by its fingerprint.
  idempotency_key text UNIQUE,
  idempotency_fingerprint text
);
