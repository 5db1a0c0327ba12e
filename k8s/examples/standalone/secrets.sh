#!/bin/sh
# Prints the Secrets that values.yaml and services.yaml name, with new contents each time:
#
#   k8s/examples/standalone/secrets.sh | kubectl -n dta create -f -
#
# Arguments name other identities than those of values.yaml: each has a database of its name, with _ for -.
set -eu
[ $# -gt 0 ] || set -- principal beneficiary fiduciary-1 fiduciary-2 fiduciary-3

random() { od -An -v -tx1 -N"$1" /dev/urandom | tr -d ' \n'; }
# name, then key and value again and again
secret() {
  printf -- '---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\nstringData:\n' "$1"
  shift
  while [ $# -gt 0 ]; do
    printf '  %s: "%s"\n' "$1" "$2"
    shift 2
  done
}

token=$(random 24)
# the callers' token is in a Secret of its own: no pod of the chart has it
secret dta-token token "$token"
secret dta-access token-hash "$(printf %s "$token" | sha256sum | cut -d' ' -f1)"

password=$(random 24)
secret postgres password "$password"
for role in "$@"; do
  secret "dta-$role" internal-key "$(random 32)" \
    database-url "postgres://postgres:$password@postgres:5432/$(printf %s "$role" | tr - _)"
done
