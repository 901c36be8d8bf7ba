-- One more row, every minute: what is known to be in the database, so that a restore can be compared with it. In a
-- database of its own, which nobody but the administrator may open. Each row proves the one before it: what a restore
-- has is a beginning of what was written, or it is told.
\set QUIET on
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SELECT 'CREATE DATABASE atalaya' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'atalaya') \gexec
REVOKE ALL ON DATABASE atalaya FROM PUBLIC;
\connect atalaya
SET client_min_messages = warning;
CREATE TABLE IF NOT EXISTS sentinel (n bigint PRIMARY KEY, at timestamptz NOT NULL, proof text NOT NULL);

WITH last AS (SELECT n, proof FROM sentinel UNION ALL SELECT 0, '' ORDER BY n DESC LIMIT 1),
     next AS (SELECT n + 1 AS n, clock_timestamp() AS at, proof AS before FROM last)
INSERT INTO sentinel
SELECT n, at, encode(sha256(convert_to(concat_ws('|', before, n, extract(epoch FROM at)), 'UTF8')), 'hex') FROM next;

-- Two days are enough to see a gap.
DELETE FROM sentinel WHERE n <= (SELECT max(n) FROM sentinel) - 2880;
