-- Whom the pool in front of this server lets in, where the access file names a pool: a list in the database
-- "postgres", where no application may connect, and one function that the pool's own role may call. That
-- role may do nothing else. It learns verifiers of these logins alone: enough to check a password,
-- not enough to log in.
\ir session.sql
SELECT :'mode' = 'grant' AS granting \gset
CREATE TEMPORARY TABLE change (number serial, line text);
BEGIN;
SELECT pg_advisory_xact_lock(hashtextextended('atalaya:access', 0)) \g /dev/null
UPDATE declared SET document = source::jsonb->'pool', source = NULL;

DO $$
DECLARE
  d jsonb := (SELECT document FROM declared);
BEGIN
  IF d IS NOT NULL AND (
    jsonb_typeof(d->'users') IS DISTINCT FROM 'array'
    OR coalesce(d->'login'->>'name', '') = '' OR octet_length(d->'login'->>'name') > 63
    OR coalesce(d->'login'->>'verifier', '') !~ '^SCRAM-SHA-256\$\d+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$'
    OR EXISTS (
      SELECT FROM jsonb_array_elements(d->'users') AS u
      -- The list ends in a file of the pool's: nothing in a name may end a line or a word.
      WHERE coalesce(u->>'name', '') !~ '^[a-z_][a-z0-9_]{0,62}$'
         OR coalesce(u->>'mode', '') NOT IN ('transaction', 'session')
         OR coalesce(u->>'connections', '') !~ '^[1-9][0-9]{0,4}$')) THEN
    RAISE EXCEPTION 'the access file is wrong: "pool" must have "login" and "users", each with "name", "mode" and "connections"';
  END IF;
END
$$;

\if :granting
DO $$
DECLARE
  d jsonb := (SELECT document FROM declared);
  own text := d->'login'->>'name';
  known record;
BEGIN
  IF d IS NULL THEN
    RETURN;
  END IF;
  SELECT rolpassword, rolcanlogin, rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls AS powerful,
         coalesce(shobj_description(oid, 'pg_authid'), '') AS label
  INTO known FROM pg_authid WHERE rolname = own;
  IF NOT FOUND THEN
    EXECUTE format('CREATE ROLE %I NOLOGIN', own);
    EXECUTE format('COMMENT ON ROLE %I IS %L', own, 'atalaya pool');
    INSERT INTO change (line) VALUES (format('created role %s, the pool''s own', own));
  ELSIF known.label <> 'atalaya pool' THEN
    RAISE EXCEPTION 'role % exists and was not made for a pool', own;
  ELSIF known.powerful THEN
    EXECUTE format('ALTER ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS', own);
  END IF;
  IF known.rolpassword IS DISTINCT FROM d->'login'->>'verifier' OR known.rolcanlogin IS DISTINCT FROM true THEN
    EXECUTE format('ALTER ROLE %I LOGIN PASSWORD %L', own, d->'login'->>'verifier');
    INSERT INTO change (line) VALUES (format('set the password of %s', own));
  END IF;

  CREATE SCHEMA IF NOT EXISTS pool;
  CREATE TABLE IF NOT EXISTS pool.setting (
    name text PRIMARY KEY, mode text NOT NULL, connections int NOT NULL);
  CREATE OR REPLACE FUNCTION pool.users()
  RETURNS TABLE (name text, verifier text, mode text, connections int)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
    SELECT s.name, a.rolpassword, s.mode, s.connections
    FROM pool.setting AS s JOIN pg_authid AS a ON a.rolname = s.name
    WHERE a.rolcanlogin AND NOT a.rolsuper AND a.rolpassword LIKE 'SCRAM-SHA-256$%'
    ORDER BY s.name
  $function$;
  REVOKE ALL ON FUNCTION pool.users() FROM PUBLIC;
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), own);
  EXECUTE format('GRANT USAGE ON SCHEMA pool TO %I', own);
  EXECUTE format('GRANT EXECUTE ON FUNCTION pool.users() TO %I', own);

  WITH written AS (
    INSERT INTO pool.setting AS s
    SELECT u->>'name', u->>'mode', (u->>'connections')::int FROM jsonb_array_elements(d->'users') AS u
    ON CONFLICT (name) DO UPDATE SET mode = excluded.mode, connections = excluded.connections
    WHERE (s.mode, s.connections) IS DISTINCT FROM (excluded.mode, excluded.connections)
    RETURNING s.*)
  INSERT INTO change (line)
  SELECT format('the pool gives %s %s connections by %s', name, connections, mode) FROM written;
END
$$;
\else
DO $$
DECLARE
  d jsonb := (SELECT document FROM declared);
  own text;
BEGIN
  IF to_regclass('pool.setting') IS NULL THEN
    RETURN;
  END IF;
  WITH gone AS (
    DELETE FROM pool.setting
    WHERE name NOT IN (SELECT u->>'name' FROM jsonb_array_elements(coalesce(d->'users', '[]')) AS u)
    RETURNING name)
  INSERT INTO change (line) SELECT format('the pool lets %s in no more', name) FROM gone;
  IF d IS NULL THEN
    DROP SCHEMA pool CASCADE;
    FOR own IN SELECT rolname FROM pg_roles WHERE shobj_description(oid, 'pg_authid') = 'atalaya pool' LOOP
      EXECUTE format('ALTER ROLE %I NOLOGIN', own);
      PERFORM pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = own;
      EXECUTE format('DROP OWNED BY %I', own);
      EXECUTE format('DROP ROLE %I', own);
      INSERT INTO change (line) VALUES (format('dropped role %s', own));
    END LOOP;
  END IF;
END
$$;
\endif
COMMIT;
SELECT line FROM change ORDER BY number;
