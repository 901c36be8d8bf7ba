-- Prints the name of the declared database, if it exists.
\ir load.sql
SELECT datname FROM pg_database WHERE datname = (SELECT document->>'database' FROM declared);
