-- Run once as a superuser in the database for Rekey (first: CREATE DATABASE rekey):
--
--   psql -d rekey -f deploy/postgres/roles.sql
--   psql -d rekey -c '\password rekey_owner' -c '\password rekey_service'
--
-- Then, before the first start and with each new version, as the owner:
--
--   DATABASE_URL=postgresql://rekey_owner:…@…/rekey?sslmode=verify-full npm run migrate
--   psql 'postgresql://rekey_owner:…@…/rekey?sslmode=verify-full' -f deploy/postgres/grants.sql

-- Owns the tables. Only the migrations use it.
CREATE ROLE rekey_owner LOGIN;
-- A migration that waits for a lock names who holds it, and for how long.
GRANT pg_read_all_stats TO rekey_owner;

-- The role in DATABASE_URL of the password-service, `npm run customers` and `npm run history`.
CREATE ROLE rekey_service LOGIN;

DO $$
BEGIN
  EXECUTE format('ALTER DATABASE %I OWNER TO rekey_owner', current_database());
  -- Other roles cannot connect, and only the owner can create objects, including temporary tables.
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO rekey_service', current_database());
END
$$;

ALTER SCHEMA public OWNER TO rekey_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO rekey_service;
