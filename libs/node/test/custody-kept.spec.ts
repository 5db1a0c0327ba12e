import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { randomBytes } from '@dta/crypto';
import { openPkcs11Custody } from '@dta/custody';
import { DtaError } from '@dta/errors';
import { passphraseProtection } from '@dta/identity';
import { createLogger } from '@dta/service';
import { freshToken, type SoftHsmToken } from '@dta/testkit';
import { join } from 'node:path';
import { createCustodyLog } from '../src/custody-log.js';
import { giveUpOrders, openNode, writeKeyFile, type Node, type NodeOptions } from '../src/index.js';
import { refusal } from './refusal.js';
import { cast, RoleRig } from './testing/index.js';

let rig: RoleRig;
let token: SoftHsmToken;
let options: NodeOptions;
let open: Node[];

beforeEach(async () => {
  rig = await RoleRig.open();
  open = [];
  token = await freshToken();
  const { f1, p } = await cast();
  const prepared = await rig.prepare(f1, 'fiduciary', [p.identity]);
  const passphrase = 'of a key file that the token does not seal';
  const keyFile = join(prepared.admittedIdentities ?? '', '..', `${token.token}.key`);
  await writeKeyFile(keyFile, [f1.generation], passphraseProtection(new TextEncoder().encode(passphrase)));
  options = { ...prepared, keyFile, passphrase, custody: { kind: 'pkcs11', ...token } };
});
afterEach(async () => {
  for (const node of open) await node.close();
  await rig.close();
});

async function start(): Promise<Node> {
  const node = await openNode(options, rig.parts());
  open.push(node);
  return node;
}

async function stop(node: Node): Promise<void> {
  open.splice(open.indexOf(node), 1);
  await node.close();
}

/** A sealed row of the node's own; gives the name of its key, which isn't the one that its record-key is sealed under. */
async function keep(node: Node, epoch = 0): Promise<string> {
  const name = { what: 'share', request: null, epoch, transcript: null, index: null } as const;
  const { key, sealed } = await node.secrets.seal({ name, value: randomBytes(32) });
  await node.database.query('INSERT INTO secrets (order_ref, what, epoch, key, sealed) VALUES (NULL, $1, $2, $3, $4)', [
    ...[name.what, epoch, key],
    Buffer.from(sealed),
  ]);
  return key;
}

test('a role does not start with a token that was initialised anew under its label, and makes no key in it', async () => {
  const before = await start();
  const key = await keep(before);
  await stop(before);
  await token.initialiseAnew();

  const sentence = 'none of the keys that this database is sealed under';
  await expect(start()).rejects.toThrow(refusal('custody_invalid', sentence));
  await expect(start()).rejects.toThrow(refusal('custody_invalid', key));
  const custody = await openPkcs11Custody(token);
  expect(await custody.keys()).toEqual([]);
  await custody.close();
});

test('a role that runs makes no second key where its rows are sealed under one that is gone', async () => {
  const node = await start();
  const key = await keep(node);
  const [other, ...none] = (await node.custody.keys()).filter((name) => name !== key);
  expect(none).toEqual([]);
  await node.custody.destroy(key); // as a party that clears the token up does
  await expect(keep(node, 1)).rejects.toThrow(refusal('custody_invalid', 'lacks a key'));
  expect(await node.custody.keys()).toEqual([other]);
  await node.custody.destroy(other ?? '');
  await expect(keep(node, 1)).rejects.toThrow(refusal('custody_invalid', 'none of the keys'));
  expect(await node.custody.keys()).toEqual([]);
});

test('a role whose token is lost for good starts with another once its orders are given up', async () => {
  const before = await start();
  await keep(before);
  await stop(before);
  await token.initialiseAnew();
  await expect(start()).rejects.toThrow(refusal('custody_invalid', 'none of the keys'));
  const database = await rig.intrude(options);
  await giveUpOrders(database);
  const after = await start();
  await keep(after);
});

test('a role of which some rows are lost starts for the others, and says so', async () => {
  const before = await start();
  await keep(before);
  await before.database.query(
    `INSERT INTO secrets (order_ref, what, epoch, key, sealed) SELECT NULL, what, 1, 'gone-period-1', sealed FROM secrets`,
  );
  await stop(before);
  rig.logged.length = 0;
  await start();
  const [line] = rig.logged.filter((text) => text.includes('custody lacks keys'));
  expect(JSON.parse(line ?? '{}')).toMatchObject({ level: 'error', keys: ['gone-period-1'] });
});

test('an error of the token is in the log with its return value, as a warning', async () => {
  const node = await start();
  await keep(node);
  rig.logged.length = 0;
  await token.unplug();
  await expect(keep(node, 1)).rejects.toThrow(refusal('custody_unavailable'));
  await token.plugIn();
  const [line] = rig.logged.filter((text) => text.includes('custody failed'));
  expect(JSON.parse(line ?? '{}')).toMatchObject({
    ...{ level: 'warn', role: 'fiduciary', operation: 'seal', code: 'custody_unavailable' },
    reason: expect.stringContaining(token.token),
  });
  expect(line).not.toContain(token.pin);
});

test('the same failure of custody is told of once a minute, with how many were left out', () => {
  let now = 1;
  const lines: string[] = [];
  const log = createLogger({ name: 'test', destination: { write: (line: string) => lines.push(line) } });
  const failed = createCustodyLog(log, 'fiduciary', () => now);
  const away = (ckr: string) => new DtaError('custody_unavailable', 'x', { metadata: { ckr } });
  for (let times = 0; times < 20; times++) failed('seal', away('CKR_DEVICE_ERROR'));
  failed('seal', away('CKR_DEVICE_MEMORY'));
  failed('open', new DtaError('custody_invalid', 'custody does not open this'));
  now += 60_001;
  failed('seal', away('CKR_DEVICE_ERROR'));
  // any value: it is held against the expected ones
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { level: 'warn', operation: 'seal', ckr: 'CKR_DEVICE_ERROR' },
    { level: 'warn', ckr: 'CKR_DEVICE_MEMORY' },
    { level: 'error', operation: 'open', code: 'custody_invalid' },
    { level: 'warn', ckr: 'CKR_DEVICE_ERROR', leftOut: 19 },
  ]);
});
