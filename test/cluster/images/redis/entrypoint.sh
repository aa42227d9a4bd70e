#!/bin/sh
# Writes the administrator into the file of users at the first start, then becomes the server. Arguments are passed to it.
#   REDIS_DATA     directory of the data, on a volume
#   REDIS_USER     name of the administrator
#   PASSWORD_FILE  file with its password
set -eu

users="$REDIS_DATA/users.acl"
if [ ! -s "$users" ]; then
  hash=$(sha256sum <"$PASSWORD_FILE" | cut -d' ' -f1)
  # nobody gets in without a user of their own
  printf 'user default off\nuser %s on #%s ~* &* +@all\n' "$REDIS_USER" "$hash" >"$users.new"
  mv "$users.new" "$users"
fi

exec redis-server --dir "$REDIS_DATA" --aclfile "$users" --bind '*' --protected-mode no --daemonize no --save '' "$@"
