#!/bin/sh
# Makes what the processes of docker-compose.yaml start with, in the folder that they mount: identities and their documents,
# the keys that roles share with the gateway, passwords, the token of the gateway's callers. What is there stays as it is.
#
#   deploy/compose/prepare.sh /state
#
# DTA: the command `dta`.
set -eu

state=${1:?usage: prepare.sh folder}
dta=${DTA:-dta}
umask 077

random() { od -An -v -tx1 -N"$1" /dev/urandom | tr -d ' \n'; }
# written beside and moved: whole, or not there
once() { [ -e "$1" ] || { cat > "$1.new"; mv "$1.new" "$1"; }; }

mkdir -p "$state/admitted"
random 24 | once "$state/postgres-password"
random 24 | once "$state/token"
printf %s "$(cat "$state/token")" | sha256sum | cut -d' ' -f1 | once "$state/token-hash"

for name in principal beneficiary fiduciary-1 fiduciary-2 fiduciary-3; do
  folder=$state/$name
  mkdir -p "$folder"
  if [ ! -e "$folder/cid" ]; then
    rm -f "$folder/identity.key" "$folder/identity" # of a run that was interrupted: nobody knows them yet
    $dta identity create --name "$name" --role "${name%-[0-9]}" --key-file "$folder/identity.key" \
      --document "$folder/identity" --custody-software "$folder/custody.key" | once "$folder/cid"
  fi
  cp "$folder/identity" "$state/admitted/$name"
  random 32 | once "$folder/internal-key"
  printf 'postgres://postgres:%s@postgres:5432/%s' "$(cat "$state/postgres-password")" "$(echo "$name" | tr - _)" |
    once "$folder/database-url"
done

for what in cid internal-key; do
  for at in 1 2 3; do cat "$state/fiduciary-$at/$what"; echo; done | grep . | paste -sd, - | once "$state/fiduciaries-$what"
done
echo "The token of the gateway's callers is in $state/token."
