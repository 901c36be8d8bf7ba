-- Takes away what the access file does not want any more. Gives nothing.
-- Data stays: what an unwanted role owns goes to the owner.
\ir load.sql
\ir privileges.sql
CREATE TEMPORARY TABLE unwanted AS
SELECT oid, name FROM own_role
WHERE NOT is_owner AND name NOT IN (SELECT name FROM wanted_group UNION ALL SELECT name FROM wanted_login);

-- First, and on its own, so that it is in force before connections are ended: otherwise a
-- client could be back before its role is gone.
DO $$
DECLARE
  item record;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('atalaya:access', 0));
  FOR item IN SELECT u.name FROM unwanted AS u JOIN pg_roles AS r ON r.oid = u.oid WHERE r.rolcanlogin LOOP
    EXECUTE format('ALTER ROLE %I NOLOGIN', item.name);
    INSERT INTO change (line) VALUES (format('%s may not log in any more', item.name));
  END LOOP;
END
$$;

BEGIN;
SELECT pg_advisory_xact_lock(hashtextextended('atalaya:access', 0)) \g /dev/null
DO $$
DECLARE
  d jsonb := (SELECT document FROM declared);
  owner text := d->>'owner';
  item record;
  ended int;
BEGIN
  IF NOT EXISTS (SELECT FROM own_role WHERE is_owner) THEN
    RAISE EXCEPTION 'the owner role % does not exist: run the grants first', owner;
  END IF;

  FOR item IN SELECT u.name, u.oid FROM unwanted AS u JOIN pg_roles AS r ON r.oid = u.oid LOOP
    -- Waits up to 5 s for each, so that nothing of it holds a lock below.
    SELECT count(*) INTO ended FROM (
      SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usesysid = item.oid) AS t;
    IF ended > 0 THEN
      INSERT INTO change (line) VALUES (format('ended %s connections of %s', ended, item.name));
    END IF;
    EXECUTE format('REASSIGN OWNED BY %I TO %I', item.name, owner);
    EXECUTE format('DROP OWNED BY %I', item.name);
    EXECUTE format('DROP ROLE %I', item.name);
    INSERT INTO change (line) VALUES (format('dropped role %s', item.name));
  END LOOP;

  -- Withdrawn grants of roles that stay.
  FOR item IN
    WITH surplus AS (
      SELECT * FROM current_privilege EXCEPT SELECT * FROM wanted_privilege)
    SELECT class, target, grantee, string_agg(privilege, ', ' ORDER BY privilege) AS privileges
    FROM surplus GROUP BY class, target, grantee ORDER BY grantee, class, target LOOP
    EXECUTE CASE WHEN item.class LIKE 'future %'
      THEN format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA public REVOKE %s ON %s FROM %I',
                  owner, item.privileges, item.target, item.grantee)
      ELSE format('REVOKE %s ON %s FROM %I', item.privileges, item.target, item.grantee) END;
    INSERT INTO change (line) VALUES (format('withdrawn from %s: %s on %s', item.grantee, item.privileges,
      CASE WHEN item.class LIKE 'future %' THEN item.class || 's' ELSE item.target END));
  END LOOP;

  -- Any membership of these roles that was not asked for: in another link's group, in the owner,
  -- or in a role of somebody else.
  FOR item IN
    SELECT p.rolname AS parent, c.name AS member
    FROM pg_auth_members AS a JOIN pg_roles AS p ON p.oid = a.roleid JOIN own_role AS c ON c.oid = a.member
    WHERE NOT EXISTS (SELECT FROM wanted_login AS l WHERE l.name = c.name AND l.member_of = p.rolname)
      AND NOT EXISTS (SELECT FROM wanted_group AS g WHERE g.name = c.name AND g.may_own AND p.rolname = owner)
      AND NOT EXISTS (SELECT FROM wanted_group AS g WHERE g.name = c.name AND g.may_monitor AND p.rolname = 'pg_monitor') LOOP
    EXECUTE format('REVOKE %I FROM %I', item.parent, item.member);
    INSERT INTO change (line) VALUES (format('%s is no longer a member of %s', item.member, item.parent));
  END LOOP;

  FOR item IN
    SELECT o.name FROM own_role AS o JOIN pg_db_role_setting AS s ON s.setrole = o.oid
    JOIN pg_database AS b ON b.oid = s.setdatabase AND b.datname = current_database()
    WHERE EXISTS (SELECT FROM unnest(s.setconfig) AS c WHERE c LIKE 'role=%')
      AND NOT EXISTS (SELECT FROM wanted_login AS l JOIN wanted_group AS g ON g.name = l.member_of
                      WHERE l.name = o.name AND g.may_own) LOOP
    EXECUTE format('ALTER ROLE %I IN DATABASE %I RESET role', item.name, current_database());
    INSERT INTO change (line) VALUES (format('what %s makes is its own again', item.name));
    -- A connection that runs as the owner already would go on doing so.
    PERFORM pg_terminate_backend(pid, 5000) FROM pg_stat_activity AS a WHERE a.usename = item.name;
  END LOOP;
END
$$;
COMMIT;
SELECT line FROM change ORDER BY number;
