-- Begins a session and reads the access file.
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
\set database `printf %s "$ACCESS_DATABASE"`
CREATE TEMPORARY TABLE declared AS
SELECT :'access'::text AS source, :'database'::text AS name, NULL::jsonb AS document;
\unset access
