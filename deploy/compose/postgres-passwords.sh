#!/bin/sh
# Runs once, when the database is created: gives the roles of deploy/postgres/roles.sql their passwords, and refuses
# connections without TLS.
set -eu
for role in owner service; do
  psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" \
    -v role="rekey_$role" -v password="$(cat "/keys/$role.password")" <<'SQL'
ALTER ROLE :"role" PASSWORD :'password';
SQL
done
sed -i 's/^host all all all/hostssl all all all/' "$PGDATA/pg_hba.conf"
grep -q '^hostssl all all all' "$PGDATA/pg_hba.conf"
