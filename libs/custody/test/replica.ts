// One replica of a node as a process: seals under each key named and prints what came of it, as hex by key.
import { ascii, toHex } from '@dta/codec';
import { openSoftwareCustody } from '@dta/custody';

const [file = '', ...names] = process.argv.slice(2);
const custody = await openSoftwareCustody({ file, warn: () => undefined });
const sealed = await Promise.all(
  names.map(async (name) => [name, toHex(await custody.seal(name, ascii('context'), ascii('context')))] as const),
);
process.stdout.write(JSON.stringify(Object.fromEntries(sealed)));
await custody.close();
