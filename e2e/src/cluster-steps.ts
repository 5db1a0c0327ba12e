import type { Cluster } from '@dta/testkit';
import { join } from 'node:path';
import type { Guest } from './guest.js';
import { ROOT } from './pages.js';

/** Tells the person at the terminal what runs, how to use it, and how to join it with a role of one's own. */
export function sayClusterSteps(cluster: Cluster, guest: Guest, port: number): void {
  const {
    folder,
    operators: [operator],
    processes,
    kuboNodes,
  } = cluster;
  if (operator === undefined) throw new Error('a cluster has an operator');
  const { token, nats, members } = operator;
  const api = `http://localhost:${port}`;
  const bearer = `-H @${token.headerFile}`;
  const json = "-H 'content-type: application/json'";
  const newest = `curl -s ${bearer} '${api}/v1/order?page=0&perPage=1' | grep -o 'bafy[a-z2-7]*' | head -1`;
  const fiduciaries = members.filter(({ role }) => role === 'fiduciary').map(({ idDocumentCID }) => idDocumentCID);
  const n = fiduciaries.length;
  const [kubo] = kuboNodes;
  const stores = kubo === undefined ? 'PostgreSQL' : `PostgreSQL and ${kuboNodes.length} Kubo nodes`;
  const log =
    kubo === undefined
      ? 'Nothing is published: it was started without Kubo.'
      : `Check the logs of all roles, which each of the Kubo nodes finds at the others:
  ${process.execPath} ${join(ROOT, 'apps/cli/dist/src/main.js')} verify-log --url ${api} --token-file ${token.file} --kubo ${kubo.url}`;
  const numbers = [...fiduciaries.map((cid) => `\\"${cid}\\"`), '\\"$(cat $GUEST/name)\\"'].join(',');
  console.log(`
D-TA is ready on ${api}: ${processes.length} processes (gateway, principal, beneficiary, ${n} ${n === 1 ? 'fiduciary' : 'fiduciaries'})
over NATS, ${stores}. For trying out: software custody protects nothing, and all of it goes when you stop.
Its files, until then: ${folder}

Order a key whose secret nobody holds:
  curl -s -X POST ${api}/v1/order ${bearer} ${json} -d '{}'

Redeem the newest order:
  curl -s -X POST ${api}/v1/order/secret ${bearer} ${json} -d "{\\"orderReference\\":\\"$(${newest})\\"}"

${log}

Join it: NATS is ${nats.url}, account "${nats.user ?? ''}", whose password is in ${join(operator.folder, 'nats-password')}.
A fiduciary more, in another terminal (it runs until Ctrl-C; ${guest.folder} has a database for it):
  export GUEST=${guest.folder} NODE=${process.execPath} DTA=${join(ROOT, 'apps')}
  $NODE $DTA/cli/dist/src/main.js identity create --name Guest --role fiduciary --key-file $GUEST/identity.key --custody-software $GUEST/custody.key --document $GUEST/identity > $GUEST/name
  DATABASE_URL_FILE=$GUEST/database-url $NODE $DTA/cli/dist/src/main.js migrate
  (umask 077; head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \\n' > $GUEST/internal-key)
  curl -s -X POST ${api}/v1/identity ${bearer} ${json} -d "{\\"document\\":\\"$(base64 < $GUEST/identity | tr -d '\\n')\\"}"
  env KEY_FILE=$GUEST/identity.key CUSTODY_SOFTWARE=$GUEST/custody.key DATABASE_URL_FILE=$GUEST/database-url \\
    NATS_URL=${nats.url} NATS_USER=${nats.user ?? ''} NATS_PASSWORD_FILE=${join(operator.folder, 'nats-password')} \\
    INTERNAL_KEY_FILE=$GUEST/internal-key TOKEN_HASH=${token.hash} \\
    ADMITTED_IDENTITIES=${join(operator.folder, 'admitted')} $NODE $DTA/fiduciary/dist/src/main.js

When it says "ready", order with it, in a third terminal:
  export GUEST=${guest.folder}
  curl -s -X POST ${api}/v1/order ${bearer} ${json} -d "{\\"fiduciaries\\":[${numbers}]}"

All of the API: ${api}/docs       Stop: Ctrl-C`);
}
