// One replica of a node as a process, at a token: seals under each key named, and prints what came of it, as hex by key.
// Its own settings are in the environment: MODULE, TOKEN, PIN, and what SoftHSM wants.
import { ascii, toHex } from '@dta/codec';
import { openPkcs11Custody } from '@dta/custody';

const { MODULE: module = '', TOKEN: token = '', PIN: pin = '' } = process.env;
const custody = await openPkcs11Custody({ module, token, pin });
process.stdout.write('ready\n');
await new Promise((go) => process.stdin.once('data', go)); // all replicas begin at once
const sealed = await Promise.all(
  process.argv
    .slice(2)
    .map(async (name) => [name, toHex(await custody.seal(name, ascii('context'), ascii('context')))]),
);
process.stdout.write(JSON.stringify(Object.fromEntries(sealed)));
await custody.close();
process.exit(); // standard input stays open
