-- Run as a superuser, or as a role that may alter rekey_service, before DATABASE_URL of the services names a pooler in
-- transaction mode, and again with each new version. A pooler cannot pass settings of a session on, so the role has them
-- as defaults. Restart the pooler afterwards: it gives its clients the values that it read first.
--
--   psql -d rekey -f deploy/postgres/pooler.sql
--
-- A start of the password-service checks each of them through the pooler.

ALTER ROLE rekey_service SET TimeZone = 'UTC';
ALTER ROLE rekey_service SET DateStyle = 'ISO, MDY';
ALTER ROLE rekey_service SET IntervalStyle = 'postgres';
ALTER ROLE rekey_service SET extra_float_digits = 1;
ALTER ROLE rekey_service SET client_encoding = 'UTF8';
ALTER ROLE rekey_service SET standard_conforming_strings = on;
ALTER ROLE rekey_service SET array_nulls = on;
ALTER ROLE rekey_service SET search_path = public;
ALTER ROLE rekey_service SET default_transaction_isolation = 'read committed';
ALTER ROLE rekey_service SET exit_on_error = off;

-- Backstops: the service itself cancels statements earlier, and sets its own for longer ones. 10 s at least.
ALTER ROLE rekey_service SET statement_timeout = '30s';
ALTER ROLE rekey_service SET lock_timeout = 0;
ALTER ROLE rekey_service SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE rekey_service SET idle_session_timeout = 0;
