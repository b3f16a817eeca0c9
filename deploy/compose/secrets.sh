#!/bin/sh
# Makes a certificate authority, a certificate for each server, and passwords of the database and Redis; gives each
# container of compose.production.yml its own files, and no others. Runs at each start, as root: it keeps what is there and
# renews certificates that expire within 30 days.
set -eu
umask 077
cd /authority

# Renamed when they are complete: a run that was interrupted leaves no half file.
if [ ! -s authority.pem ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj '/CN=Rekey authority' \
    -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign,cRLSign' \
    -keyout authority.key -out authority.new 2>/dev/null
  mv authority.new authority.pem
fi

# certificate NAME HOSTS: a certificate for the hosts, comma-separated, and its key.
certificate() {
  names="DNS:$(echo "$2" | sed 's/,/,DNS:/g')"
  if [ -s "$1.pem" ] && [ "$(cat "$1.names")" = "$names" ] && openssl x509 -checkend 2592000 -noout -in "$1.pem" > /dev/null; then
    return
  fi
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" \
    -addext "subjectAltName=$names" -keyout "$1.key.new" -out "$1.csr" 2>/dev/null
  openssl x509 -req -in "$1.csr" -copy_extensions copy -days 398 -CA authority.pem -CAkey authority.key -out "$1.new" 2>/dev/null
  echo "$names" > "$1.names"
  mv "$1.key.new" "$1.key"
  mv "$1.new" "$1.pem"
  echo "made the certificate of $1 for $2"
}

password() {
  [ -s "$1.password" ] && return
  openssl rand -hex 24 > "$1.new"
  mv "$1.new" "$1.password"
}

# deliver USER FOLDER NAME: writes standard input to a file that only the user can read.
deliver() {
  cat > "/for/$2/$3.new"
  chown "$1:$1" "/for/$2/$3.new" "/for/$2"
  chmod 400 "/for/$2/$3.new"
  chmod 500 "/for/$2"
  mv "/for/$2/$3.new" "/for/$2/$3"
}

host=$(echo "$REKEY_PUBLIC_URL" | sed -n 's|^https://\([A-Za-z0-9.-]*\)\(:[0-9]*\)\{0,1\}$|\1|p')
[ -n "$host" ] || {
  echo "REKEY_PUBLIC_URL must be https:// with a host name, and a port if needed." >&2
  exit 1
}
for name in postgres redis nats proxy; do certificate "$name" "$name"; done
certificate public "$host"
for name in postgres owner service redis; do password "$name"; done

# Users of the images: 999 runs Postgres and Redis, 99 HAProxy, 0 NATS, 1000 Rekey.
for server in postgres:999 redis:999 nats:0; do
  name=${server%:*}
  deliver "${server#*:}" "$name" certificate.pem < "$name.pem"
  deliver "${server#*:}" "$name" key.pem < "$name.key"
  deliver "${server#*:}" "$name" authority.pem < authority.pem
done
for name in postgres owner service; do deliver 999 postgres "$name.password" < "$name.password"; done
deliver 999 redis redis.password < redis.password
{
  echo 'user default off'
  sed "s/^user rekey on /&>$(cat redis.password) /" /rekey/user.acl
} | deliver 999 redis users.acl
deliver 0 nats nats-server.env < /all/nats-server.env
cat proxy.pem proxy.key | deliver 99 proxy server.pem
if [ -s /rekey/public.pem ]; then deliver 99 proxy public.pem < /rekey/public.pem; else cat public.pem public.key | deliver 99 proxy public.pem; fi

database() {
  echo "DATABASE_URL='postgresql://rekey_$1:$(cat "$1.password")@postgres:5432/rekey?sslmode=verify-full&sslrootcert=/keys/authority.pem'"
}
for name in auth-gateway password-service notifier tools owner; do
  deliver 1000 "$name" authority.pem < authority.pem
  cat authority.pem /rekey/extra-ca.pem | deliver 1000 "$name" authorities.pem
done
for name in auth-gateway password-service notifier; do deliver 1000 "$name" "$name.nk" < "/all/$name.nk"; done
{
  cat /all/auth-gateway.env
  echo "REDIS_URL='rediss://rekey:$(cat redis.password)@redis:6379'"
} | deliver 1000 auth-gateway auth-gateway.env
deliver 1000 auth-gateway signing-keys.json < /all/signing-keys.json
{ cat /all/password-service.env && database service; } | deliver 1000 password-service password-service.env
deliver 1000 notifier notifier.env < /all/notifier.env
database owner | deliver 1000 owner owner.env
{ cat /all/password-service.env && database service; } | deliver 1000 tools tools.env
for name in streams operator; do deliver 1000 tools "$name.nk" < "/all/$name.nk"; done
