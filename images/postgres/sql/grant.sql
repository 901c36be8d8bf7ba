-- Makes what the access file wants and is not there yet. Takes nothing away.
-- All or nothing: one transaction; a lock keeps two runs apart.
\ir load.sql
\ir privileges.sql
BEGIN;
SELECT pg_advisory_xact_lock(hashtextextended('atalaya:access', 0)) \g /dev/null

DO $$
DECLARE
  d jsonb := (SELECT document FROM declared);
  owner text := d->>'owner';
  label text := 'atalaya:' || (d->>'database');
  item record;
  known record;
BEGIN
  -- The owner: after a change of its name the new one takes over.
  IF (SELECT datdba::regrole::text FROM pg_database WHERE datname = current_database())
     <> quote_ident(owner) THEN
    EXECUTE format('ALTER DATABASE %I OWNER TO %I', current_database(), owner);
    INSERT INTO change (line) VALUES (format('database %s now belongs to %s', current_database(), owner));
  END IF;
  IF EXISTS (SELECT FROM pg_namespace, aclexplode(coalesce(nspacl, acldefault('n', nspowner)))
             WHERE nspname = 'public' AND grantee = 0) THEN
    REVOKE ALL ON SCHEMA public FROM PUBLIC;
  END IF;

  FOR item IN SELECT name FROM jsonb_array_elements_text(coalesce(d->'extensions', '[]')) AS name
              WHERE name NOT IN (SELECT extname FROM pg_extension) LOOP
    EXECUTE format('CREATE EXTENSION %I WITH SCHEMA public', item.name);
    INSERT INTO change (line) VALUES (format('created extension %s', item.name));
  END LOOP;

  -- Roles.
  FOR item IN SELECT name, NULL AS member_of, NULL AS verifier FROM wanted_group
              UNION ALL SELECT name, member_of, verifier FROM wanted_login LOOP
    SELECT a.oid, a.rolpassword, a.rolinherit, a.rolcanlogin,
           a.rolsuper OR a.rolcreatedb OR a.rolcreaterole OR a.rolreplication OR a.rolbypassrls AS powerful,
           coalesce(shobj_description(a.oid, 'pg_authid'), '') AS label
    INTO known FROM pg_authid AS a WHERE a.rolname = item.name;
    IF NOT FOUND THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', item.name);
      EXECUTE format('COMMENT ON ROLE %I IS %L', item.name, label);
      INSERT INTO change (line) VALUES (format('created role %s', item.name));
    ELSIF known.label <> label THEN
      RAISE EXCEPTION 'role % exists and was not made for database %', item.name, d->>'database';
    ELSIF known.powerful OR NOT known.rolinherit THEN
      EXECUTE format('ALTER ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT',
                     item.name);
      INSERT INTO change (line) VALUES (format('took away administrative attributes of %s', item.name));
    END IF;
    IF item.member_of IS NULL THEN
      IF known.rolcanlogin THEN
        EXECUTE format('ALTER ROLE %I NOLOGIN', item.name);
        INSERT INTO change (line) VALUES (format('%s may not log in any more', item.name));
      END IF;
    ELSIF known.rolpassword IS DISTINCT FROM item.verifier OR known.rolcanlogin IS DISTINCT FROM true THEN
      EXECUTE format('ALTER ROLE %I LOGIN PASSWORD %L', item.name, item.verifier);
      INSERT INTO change (line) VALUES (format('set the password of %s', item.name));
    END IF;
  END LOOP;

  -- Memberships: logins in their group, owning groups in the owner, observers in PostgreSQL's own role.
  FOR item IN
    SELECT m.parent, m.member FROM (
      SELECT member_of AS parent, name AS member FROM wanted_login
      UNION ALL SELECT owner, name FROM wanted_group WHERE may_own
      UNION ALL SELECT 'pg_monitor', name FROM wanted_group WHERE may_monitor) AS m
    WHERE NOT EXISTS (
      SELECT FROM pg_auth_members AS a
      JOIN pg_roles AS p ON p.oid = a.roleid JOIN pg_roles AS c ON c.oid = a.member
      WHERE p.rolname = m.parent AND c.rolname = m.member) LOOP
    EXECUTE format('GRANT %I TO %I', item.parent, item.member);
    INSERT INTO change (line) VALUES (format('%s is now a member of %s', item.member, item.parent));
  END LOOP;

  -- What an owning login makes belongs to the owner from the start.
  FOR item IN
    SELECT l.name FROM wanted_login AS l JOIN wanted_group AS g ON g.name = l.member_of AND g.may_own
    WHERE NOT EXISTS (
      SELECT FROM pg_db_role_setting AS s JOIN pg_roles AS r ON r.oid = s.setrole
      JOIN pg_database AS b ON b.oid = s.setdatabase AND b.datname = current_database()
      WHERE r.rolname = l.name AND 'role=' || owner = ANY (s.setconfig)) LOOP
    EXECUTE format('ALTER ROLE %I IN DATABASE %I SET role TO %L', item.name, current_database(), owner);
    INSERT INTO change (line) VALUES (format('what %s makes now belongs to %s', item.name, owner));
  END LOOP;

  -- … and what it made all the same under its own name is handed over.
  FOR item IN
    SELECT DISTINCT o.name FROM own_role AS o JOIN pg_shdepend AS s
      ON s.refclassid = 'pg_authid'::regclass AND s.refobjid = o.oid AND s.deptype = 'o'
     AND s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    WHERE NOT o.is_owner LOOP
    EXECUTE format('REASSIGN OWNED BY %I TO %I', item.name, owner);
    INSERT INTO change (line) VALUES (format('what %s had made now belongs to %s', item.name, owner));
  END LOOP;

  -- Privileges.
  FOR item IN
    WITH missing AS (
      SELECT * FROM wanted_privilege EXCEPT SELECT * FROM current_privilege)
    SELECT class, target, grantee, string_agg(privilege, ', ' ORDER BY privilege) AS privileges
    FROM missing GROUP BY class, target, grantee ORDER BY grantee, class, target LOOP
    EXECUTE CASE WHEN item.class LIKE 'future %'
      THEN format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA public GRANT %s ON %s TO %I',
                  owner, item.privileges, item.target, item.grantee)
      ELSE format('GRANT %s ON %s TO %I', item.privileges, item.target, item.grantee) END;
    INSERT INTO change (line) VALUES (format('granted to %s: %s on %s', item.grantee, item.privileges,
      CASE WHEN item.class LIKE 'future %' THEN item.class || 's' ELSE item.target END));
  END LOOP;
END
$$;
COMMIT;
SELECT line FROM change ORDER BY number;
