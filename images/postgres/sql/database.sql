-- Makes the owner role and the database. Apart from the rest, because CREATE DATABASE cannot be
-- part of a transaction; each step looks first, so an interrupted run is finished by the next.
\ir load.sql
SELECT pg_advisory_lock(hashtextextended('atalaya:database', 0)) \g /dev/null

DO $$
DECLARE
  d jsonb := (SELECT document FROM declared);
  label text := 'atalaya:' || (d->>'database');
  known text;
BEGIN
  SELECT coalesce(shobj_description(oid, 'pg_authid'), '') INTO known
  FROM pg_roles WHERE rolname = d->>'owner';
  IF known IS NULL THEN
    EXECUTE format('CREATE ROLE %I NOLOGIN', d->>'owner');
    EXECUTE format('COMMENT ON ROLE %I IS %L', d->>'owner', label);
    INSERT INTO change (line) VALUES (format('created role %s, the owner', d->>'owner'));
  ELSIF known <> label THEN
    RAISE EXCEPTION 'role % exists and was not made for database %', d->>'owner', d->>'database';
  END IF;
END
$$;

INSERT INTO change (line)
SELECT format('created database %s', document->>'database') FROM declared
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = document->>'database');
SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING ''UTF8'' LOCALE ''C.UTF-8''',
              document->>'database', document->>'owner')
FROM declared
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = document->>'database')
\gexec

-- Nobody may connect to a database without a grant, the administrative ones included.
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', datname)
FROM pg_database
WHERE (datname IN ('postgres', 'template1') OR datname = (SELECT document->>'database' FROM declared))
  AND EXISTS (SELECT FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) WHERE grantee = 0)
\gexec
SELECT pg_advisory_unlock(hashtextextended('atalaya:database', 0)) \g /dev/null
SELECT line FROM change ORDER BY number;
