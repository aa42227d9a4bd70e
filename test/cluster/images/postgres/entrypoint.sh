#!/bin/sh
# Makes the database at the first start, then becomes the server. Arguments are passed to it.
#   PGDATA         directory of the data, on a volume
#   POSTGRES_USER  name of the superuser
#   POSTGRES_DB    name of the database that is made for use; the server's own stay for administration
#   PASSWORD_FILE  file with its password
set -eu

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  # made aside and renamed: a start that is cut off never leaves half a database to the next one
  rm -rf "$PGDATA.new"
  initdb --pgdata="$PGDATA.new" --username="$POSTGRES_USER" --pwfile="$PASSWORD_FILE" --auth=scram-sha-256 \
    --encoding=UTF8 --locale=C.UTF-8 --no-sync --no-instructions >/dev/null
  printf 'host all all all scram-sha-256\n' >>"$PGDATA.new/pg_hba.conf"
  printf 'CREATE DATABASE %s;\n' "$POSTGRES_DB" | postgres --single -D "$PGDATA.new" postgres >/dev/null
  mv "$PGDATA.new" "$PGDATA"
fi

exec postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/tmp "$@"
