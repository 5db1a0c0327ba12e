#!/bin/sh
# Brings the database of every role to the schema of this version.
set -eu

dta=${DTA:-dta}
for folder in "${1:?usage: migrate.sh folder}"/*/; do
  [ -e "$folder/database-url" ] || continue
  DATABASE_URL_FILE=$folder/database-url $dta migrate
done
