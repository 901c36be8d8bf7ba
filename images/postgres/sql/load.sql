-- Reads the access file into temporary tables and checks it. Included by the other files.
--
-- The file holds verifiers, so nothing of it may reach the server's log or an error message:
-- logging of statements is off in this session, and messages carry no context.
\set ON_ERROR_STOP on
\set SHOW_CONTEXT never
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_duration_sample = -1;
SET log_transaction_sample_rate = 0;
SET log_min_error_statement = 'panic';
SET client_min_messages = 'warning';
SET search_path = pg_catalog, pg_temp;

\set access `cat "$ACCESS_FILE"`
CREATE TEMPORARY TABLE declared AS SELECT :'access'::text AS source, NULL::jsonb AS document;
\unset access
CREATE TEMPORARY TABLE wanted_group (
  name text PRIMARY KEY, may_read bool, may_write bool, may_own bool);
CREATE TEMPORARY TABLE wanted_login (name text PRIMARY KEY, member_of text, verifier text);
-- One line for each thing that was changed; never a verifier.
CREATE TEMPORARY TABLE change (number serial, line text);

DO $$
DECLARE
  d jsonb;
  problem text;
BEGIN
  BEGIN
    SELECT source::jsonb INTO d FROM declared;
  EXCEPTION WHEN OTHERS THEN
    RAISE EXCEPTION 'the access file is not valid JSON';
  END;
  IF jsonb_typeof(d) IS DISTINCT FROM 'object' OR coalesce(d->>'database', '') = ''
     OR coalesce(d->>'owner', '') = '' THEN
    RAISE EXCEPTION 'the access file must be an object with "database" and "owner"';
  END IF;
  UPDATE declared SET document = d, source = NULL;

  INSERT INTO wanted_group
  SELECT l->>'group', l->'grants' ? 'read', l->'grants' ? 'write', l->'grants' ? 'owner'
  FROM jsonb_array_elements(coalesce(d->'links', '[]')) AS l;
  INSERT INTO wanted_login
  SELECT r->>'name', l->>'group', r->>'verifier'
  FROM jsonb_array_elements(coalesce(d->'links', '[]')) AS l,
       jsonb_array_elements(coalesce(l->'logins', '[]')) AS r;

  SELECT string_agg(p, '; ') INTO problem FROM (
    SELECT format('the name %L is longer than 63 bytes', n) AS p FROM (
      SELECT d->>'database' AS n UNION ALL SELECT d->>'owner'
      UNION ALL SELECT name FROM wanted_group UNION ALL SELECT name FROM wanted_login) AS names
    WHERE octet_length(n) > 63
    UNION ALL
    SELECT format('%s: grants must be read, write or owner, not %s', l->>'group', g)
    FROM jsonb_array_elements(coalesce(d->'links', '[]')) AS l,
         jsonb_array_elements_text(coalesce(l->'grants', '[]')) AS g
    WHERE g NOT IN ('read', 'write', 'owner')
    UNION ALL
    SELECT format('%s: the verifier is not a SCRAM-SHA-256 verifier', name) FROM wanted_login
    WHERE verifier IS NULL OR verifier !~ '^SCRAM-SHA-256\$\d+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$'
    UNION ALL
    SELECT format('%L stands for two roles', name)
    FROM (SELECT name FROM wanted_group UNION ALL SELECT name FROM wanted_login
          UNION ALL SELECT d->>'owner') AS names
    GROUP BY name HAVING count(*) > 1) AS problems;
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION 'the access file is wrong: %', problem;
  END IF;
END
$$;

-- The roles that were made for this database: a comment on each says so.
CREATE TEMPORARY VIEW own_role AS
SELECT r.oid, r.rolname::text AS name, r.rolcanlogin,
       r.rolname = (SELECT document->>'owner' FROM declared) AS is_owner
FROM pg_roles AS r
WHERE shobj_description(r.oid, 'pg_authid') = 'atalaya:' || (SELECT document->>'database' FROM declared);
