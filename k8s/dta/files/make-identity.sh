# Makes an identity where its keys live, and prints what is public of it as values of the chart. What is there stays as it is.
#
# NAME, ROLE, STATE: what it is called, what it does, its folder. SEALED_BY: software, pkcs11 or passphrase. DTA: the command.
set -eu
umask 077
dta=${DTA:-dta}
document=$STATE/identity

if [ ! -e "$document" ]; then
  if [ -e "$STATE/identity.key" ]; then
    echo "$STATE has a key file without its Identity Document: a restore that lacks it, or a Job that was killed in between. Nothing is changed." >&2
    exit 1
  fi
  case $SEALED_BY in
    software) set -- --custody-software "$STATE/custody.key" ;;
    pkcs11) set -- --custody-pkcs11 ;;
    passphrase) set -- --passphrase-file "$KEY_PASSPHRASE_FILE" ;;
  esac
  [ -z "${RECOVERY_PASSPHRASE_FILE:-}" ] ||
    set -- "$@" --recovery-key-file "$STATE/recovery.key" --recovery-passphrase-file "$RECOVERY_PASSPHRASE_FILE"
  [ "${SIGN_IN_TOKEN:-}" != yes ] || set -- "$@" --sign-in-token
  $dta identity create --name "$NAME" --role "$ROLE" --key-file "$STATE/identity.key" --document "$document" "$@" > /dev/null
fi

node=$($dta identity show "$document" | while read -r name value; do [ "$name" != idDocumentCID ] || echo "$value"; done)
[ -n "$node" ]
cat <<VALUES
identities:
  $NAME:
    node: $node
    documents: [$(base64 < "$document" | tr -d '\n')]
VALUES
