#!/bin/sh
# Brings the database of every role to the schema of this version.
set -eu

dta=${DTA:-/app/node_modules/.bin/node /app/apps/cli/dist/src/main.js}
for folder in "${1:?usage: migrate.sh folder}"/*/; do
  [ -e "$folder/database-url" ] || continue
  DATABASE_URL_FILE=$folder/database-url $dta migrate
done
