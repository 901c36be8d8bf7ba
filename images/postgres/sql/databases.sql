-- Prints the databases to look after, one a line: for grants those that the access file names; for what is to
-- be withdrawn those that exist, and those that were made for a file which named them once.
\ir session.sql
CREATE TEMPORARY TABLE wanted (name text);

DO $$
DECLARE
  d jsonb;
BEGIN
  BEGIN
    SELECT source::jsonb INTO d FROM declared;
  EXCEPTION WHEN OTHERS THEN
    RAISE EXCEPTION 'the access file is not valid JSON';
  END;
  IF jsonb_typeof(d->'databases') IS DISTINCT FROM 'array' OR EXISTS (
    SELECT FROM jsonb_array_elements(d->'databases') AS e
    WHERE coalesce(e->>'database', '') !~ '^[a-z_][a-z0-9_]*$' OR coalesce(e->>'owner', '') = '') THEN
    RAISE EXCEPTION 'the access file must have "databases", each with "database" and "owner"';
  END IF;
  INSERT INTO wanted SELECT e->>'database' FROM jsonb_array_elements(d->'databases') AS e;
END
$$;

SELECT name FROM wanted WHERE :'mode' = 'grant'
UNION
SELECT datname FROM pg_database
WHERE :'mode' = 'revoke'
  AND (datname IN (SELECT name FROM wanted)
       OR 'atalaya:' || datname = shobj_description(datdba, 'pg_authid'))
ORDER BY 1;
