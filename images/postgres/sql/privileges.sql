-- What each group should be allowed, and what it is allowed: two views of the same shape, so
-- that their difference is what there is to do. Included after load.sql, in the database itself.
--   class      database, schema, table, sequence, future table, future sequence
--   target     what comes after ON in GRANT
--   grantee    the role
--   privilege  SELECT, INSERT, …

-- Tables and sequences of schema public; those of extensions have their own privileges.
CREATE TEMPORARY VIEW relation AS
SELECT c.oid, c.relacl, CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END AS class,
       format('%s public.%I', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.relname) AS target
FROM pg_class AS c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  AND NOT EXISTS (SELECT FROM pg_depend AS p
                  WHERE p.classid = 'pg_class'::regclass AND p.objid = c.oid AND p.deptype = 'e');

CREATE TEMPORARY VIEW wanted_privilege AS
WITH rule (class, privilege, read, write) AS (VALUES
  ('table', 'SELECT', true, false), ('sequence', 'SELECT', true, false),
  ('table', 'INSERT', false, true), ('table', 'UPDATE', false, true),
  ('table', 'DELETE', false, true), ('sequence', 'USAGE', false, true)),
allowed AS (
  SELECT g.name AS grantee, r.class, r.privilege
  FROM wanted_group AS g JOIN rule AS r ON (r.read AND g.may_read) OR (r.write AND g.may_write))
SELECT 'database' AS class, format('DATABASE %I', current_database()) AS target,
       name AS grantee, 'CONNECT' AS privilege
FROM wanted_group WHERE may_read OR may_write OR may_own OR may_monitor
UNION ALL
SELECT 'schema', 'SCHEMA public', name, 'USAGE' FROM wanted_group WHERE may_read OR may_write OR may_own
UNION ALL
SELECT r.class, r.target, a.grantee, a.privilege FROM relation AS r JOIN allowed AS a USING (class)
UNION ALL
SELECT 'future ' || class, CASE class WHEN 'table' THEN 'TABLES' ELSE 'SEQUENCES' END, grantee, privilege
FROM allowed;

CREATE TEMPORARY VIEW current_privilege AS
WITH entry AS (
  SELECT 'database' AS class, format('DATABASE %I', current_database()) AS target, a.*
  FROM pg_database, aclexplode(datacl) AS a WHERE datname = current_database()
  UNION ALL
  SELECT 'schema', 'SCHEMA public', a.*
  FROM pg_namespace, aclexplode(nspacl) AS a WHERE nspname = 'public'
  UNION ALL
  SELECT r.class, r.target, a.* FROM relation AS r, aclexplode(r.relacl) AS a
  UNION ALL
  SELECT CASE d.defaclobjtype WHEN 'r' THEN 'future table' ELSE 'future sequence' END,
         CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' ELSE 'SEQUENCES' END, a.*
  FROM pg_default_acl AS d, aclexplode(d.defaclacl) AS a
  WHERE d.defaclobjtype IN ('r', 'S') AND d.defaclnamespace = 'public'::regnamespace
    AND d.defaclrole = (SELECT oid FROM pg_roles
                        WHERE rolname = (SELECT document->>'owner' FROM declared)))
SELECT DISTINCT e.class, e.target, o.name AS grantee, e.privilege_type AS privilege
FROM entry AS e JOIN own_role AS o ON o.oid = e.grantee
WHERE NOT o.is_owner;
