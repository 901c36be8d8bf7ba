-- Takes what the access file says of one database ($ACCESS_DATABASE) into temporary tables and checks it.
-- Of a database that the file does not name any more nothing is wanted but its owner.
\ir session.sql
CREATE TEMPORARY TABLE wanted_group (
  name text PRIMARY KEY, may_read bool, may_write bool, may_own bool, may_monitor bool);
CREATE TEMPORARY TABLE wanted_login (name text PRIMARY KEY, member_of text, verifier text);
-- One line for each thing that was changed; never a verifier.
CREATE TEMPORARY TABLE change (number serial, line text);

DO $$
DECLARE
  d jsonb;
  problem text;
BEGIN
  SELECT coalesce(
    (SELECT e FROM jsonb_array_elements(source::jsonb->'databases') AS e WHERE e->>'database' = name),
    (SELECT jsonb_build_object('database', name, 'owner', pg_get_userbyid(datdba))
     FROM pg_database WHERE datname = name)) INTO d FROM declared;
  UPDATE declared SET document = d, source = NULL;

  INSERT INTO wanted_group
  SELECT l->>'group', l->'grants' ? 'read', l->'grants' ? 'write', l->'grants' ? 'owner',
         l->'grants' ? 'monitor'
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
    SELECT format('%s: grants must be read, write, owner or monitor, not %s', l->>'group', g)
    FROM jsonb_array_elements(coalesce(d->'links', '[]')) AS l,
         jsonb_array_elements_text(coalesce(l->'grants', '[]')) AS g
    WHERE g NOT IN ('read', 'write', 'owner', 'monitor')
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
