import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { cidToBytes, decodeCanonical, fromHex, parseCid, toHex } from '@dta/codec';
import { custodyProtection, openSoftwareCustody } from '@dta/custody';
import { openKeyFile, passphraseProtection } from '@dta/identity';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '@dta/postgres';
import { startCluster, type Cluster, type Member, type Operator, type RestApi } from '@dta/testkit';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dumpDatabase, query } from '../src/databases.js';
import { recordNats, type NatsRecorder } from '../src/nats-recorder.js';
import { searchFor, type Needle } from '../src/needles.js';
import { secretsOfOrder, type OwnedSecret } from '../src/order-secrets.js';
import { expected, isPrivateKeyOf, place, redeem, until, type Placed } from '../src/orders.js';
import { searchMemory } from '../src/process-memory.js';
import { installWitness } from '../src/witness.js';

jest.setTimeout(300_000);

let folder: string;
let postgres: EmbeddedPostgres;
let cluster: Cluster;
let operator: Operator;
let api: RestApi;
let recorder: NatsRecorder;

/** A 2-of-3 order and one of 1-of-1, whose setup is another. */
const thresholds = [2, 1] as const;
let orders: Placed[];
/** Of both orders: shares, subshares, KEM seeds, constant terms, b, x, y. */
let secrets: OwnedSecret[];
/** The first order's reference, in bytes and as text: found everywhere, so a search does look there. */
let control: Needle[];
/** What a plugin safeguards: text, and bytes. It passes through gateway, principal and beneficiary, and stays nowhere. */
const plaintext = { text: `plaintext ${randomUUID()}`, bytes: randomBytes(48) };
const safeguarded: readonly Needle[] = [
  { name: 'plaintext', bytes: Buffer.from(plaintext.text) },
  { name: 'bytes safeguarded', bytes: plaintext.bytes },
];
/** What a look into the principal's memory found between commitment and redemption. */
let principalBefore: readonly string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dta-secrecy-'));
  postgres = await startEmbeddedPostgres({ directory: join(folder, 'postgres') });
  cluster = await startCluster({ postgresUrl: postgres.url('postgres'), logLevel: 'trace' });
  operator = cluster.operator('first');
  api = operator.api();
  recorder = await recordNats([operator.nats]);
  for (const member of operator.members) await installWitness(member);

  const alone = operator.member('fiduciary-1').idDocumentCID;
  orders = [
    await place(api, { threshold: 2 }, 'a-key-of-the-client'),
    await place(api, { threshold: 1, fiduciaries: [alone] }),
  ];
  const known = await Promise.all(
    orders.map(({ orderReference }, at) =>
      secretsOfOrder(operator, orderReference, thresholds[at] ?? 1, recorder.messages),
    ),
  );
  secrets = known.flatMap(({ all }) => all);
  const [first] = orders;
  const reference = String(first?.orderReference);
  control = [cidToBytes(parseCid(reference)), Buffer.from(reference)].map((bytes) => ({ name: 'control', bytes }));
  principalBefore = (await memoryOf(operator.member('principal'), secrets)).found;

  for (const [at, { orderReference, commitment }] of orders.entries()) {
    const secret = await redeem(api, orderReference);
    expect(isPrivateKeyOf(secret, commitment)).toBe(true);
    expect(toHex(known[at]?.secret ?? new Uint8Array())).toBe(secret); // the needles are the right ones
    await until(api, orderReference, ({ waitingFor }) => waitingFor.length === 0);
  }
  for (const { orderReference } of orders) await api.get(`/v1/order/${orderReference}/secret`);
  await safeguard({ plainText: plaintext.text });
  await safeguard({ plainText: plaintext.bytes.toString('base64'), encoding: 'base64' });
});

/** Orders, redeems, and looks at an order as any client may; only its redemption gives the plaintext. */
async function safeguard(extension: object): Promise<void> {
  const ordered = { plugin: 'safeguardsecret', extension, wait: 60 };
  const headers = { 'idempotency-key': `a key of ${Object.keys(extension).join(' and ')}`.replaceAll(' ', '-') };
  const { orderReference, extension: sealed } = expected(200, await api.post('/v1/order', ordered, headers));
  const redeemed = await api.post('/v1/order/secret', { orderReference, extension: sealed, wait: 60 });
  expect(expected(200, redeemed)['extension']).toEqual(extension);
  const looks = [await api.get('/v1/order'), await api.get(`/v1/order/${String(orderReference)}`)];
  expect(
    found(
      safeguarded,
      looks.map(({ body }) => Buffer.from(JSON.stringify(body))),
    ),
  ).toEqual([]);
}

afterAll(async () => {
  await recorder?.stop();
  await cluster?.stop();
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});

test('the needles are all that there is to find', () => {
  const names = secrets.map(({ name }) => name);
  const ofThree = [1, 2, 3].flatMap((member) => [
    ...[`share of fiduciary-${member}`, `epoch-seed of fiduciary-${member}`, `constant term of dealer ${member}`],
    ...[1, 2, 3].map((dealer) => `share of fiduciary-${member} by dealer ${dealer}`),
    ...[1, 2, 3].map((dealer) => `KEM seed of fiduciary-${member} for dealer ${dealer}`),
  ]);
  const ofEach = ['enrolment-key of beneficiary', 'enrolment-seed of beneficiary', 'x', 'y'];
  expect(names.sort()).toEqual([...ofThree, ...ofEach, 'share of fiduciary-1', ...ofEach].sort());
});

describe('after orders and their redemption, no share, secret, b or KEM seed in plain is', () => {
  test('in any table', async () => {
    const needles = [...secrets, ...safeguarded, ...(await keysOfNodes()), ...(await accessSecrets())];
    for (const member of operator.members) {
      const { tables, values } = await dumpDatabase(member);
      expect(tables).toContain('secrets');
      expect(found([...control, ...needles], values)).toEqual(['control']);
    }
  });

  test('in any file but the custody key files: what the database wrote to disk, its log of changes, key files', async () => {
    const client = operator.member('principal');
    await query(client, 'CHECKPOINT');
    const needles = [...secrets, ...safeguarded, ...(await keysOfNodes())];
    const places: Record<string, Buffer[]> = { database: [], operator: [] };
    for (const [place, root] of [
      ['database', join(folder, 'postgres')] as const,
      ['operator', cluster.folder] as const,
    ]) {
      for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || entry.name === 'custody.key') continue;
        places[place]?.push(await readFile(join(entry.parentPath, entry.name)).catch(gone));
      }
    }
    expect(found([...control, ...needles], places['database'] ?? [])).toEqual(['control']);
    expect(places['operator']?.length).toBeGreaterThan(20);
    expect(found(needles, places['operator'] ?? [])).toEqual([]);
  });

  test('in any log line, at the finest level', async () => {
    const lines = cluster.processes.flatMap((process) => process.logs()).map((line) => Buffer.from(line));
    const needles = [...secrets, ...safeguarded, ...(await keysOfNodes()), ...(await accessSecrets())];
    expect(lines.length).toBeGreaterThan(30);
    expect(found([...control, ...needles], lines)).toEqual(['control']);
  });

  test('in any NATS message', async () => {
    const messages = recorder.messages.flatMap(({ subject, payload, headers }) => [
      Buffer.from(payload),
      Buffer.from(`${subject}\n${headers}`),
    ]);
    const needles = [...secrets, ...safeguarded, ...(await keysOfNodes()), ...(await accessSecrets())];
    const subjects = recorder.messages.map(({ subject }) => subject.split('.').slice(3).join('.'));
    expect(subjects).toEqual(
      expect.arrayContaining(['fiduciary.release', 'beneficiary.redeem', 'beneficiary.reveal-secret']),
    );
    expect(found([...control, ...needles], messages)).toEqual(['control']);
  });

  test("in the principal's process, before the redemption and after it", async () => {
    const principal = operator.member('principal');
    expect(principalBefore).toEqual([]);
    const others = (await keysOfNodes()).filter(({ knownTo }) => !knownTo.includes('principal'));
    expect((await memoryOf(principal, [...secrets, ...others])).found).toEqual([]);
  });

  test("in a fiduciary's process, but for what is its own", async () => {
    for (const member of operator.members.filter(({ role }) => role === 'fiduciary')) {
      const others = [...secrets, ...(await keysOfNodes())].filter(({ knownTo }) => !knownTo.includes(member.name));
      expect([member.name, (await memoryOf(member, others)).found]).toEqual([member.name, []]);
    }
  });

  test('and a search of memory does find what is there', async () => {
    const { found: here, bytes } = await searchMemory(process.pid, searchFor(secrets));
    expect(here.filter((name) => name.endsWith(', raw'))).toHaveLength(new Set(secrets.map(({ name }) => name)).size);
    expect(bytes).toBeGreaterThan(50_000_000);
    const principal = await memoryOf(operator.member('principal'), []);
    expect(principal.bytes).toBeGreaterThan(50_000_000);
  });
});

/** Names of the needles that are in any of the places, whatever their form. */
function found(needles: readonly Needle[], places: readonly Uint8Array[]): string[] {
  const search = searchFor(needles);
  const names = new Set(
    places.flatMap((bytes) => search(bytes)).map((name) => name.replace(/^control, .*/, 'control')),
  );
  return [...names];
}

/** Looks for `needles` in a member's process; the control must be there. */
async function memoryOf(member: Member, needles: readonly Needle[]): Promise<{ found: string[]; bytes: number }> {
  const [process] = member.processes;
  const { found: all, bytes } = await searchMemory(process?.pid ?? -1, searchFor([...control, ...needles]));
  const isControl = (name: string) => name.startsWith('control, ');
  expect(all.some(isControl)).toBe(true);
  return { found: all.filter((name) => !isControl(name)), bytes };
}

/** Private keys of the nodes' identities, and the keys in their custody files. */
async function keysOfNodes(): Promise<OwnedSecret[]> {
  const keys: OwnedSecret[] = [];
  for (const { name: owner, keyFile, custodyFile, settings } of operator.members) {
    const passphraseFile = settings['KEY_PASSPHRASE_FILE'];
    const custody = await openSoftwareCustody({ file: custodyFile, warn: () => undefined });
    const protection =
      passphraseFile === undefined
        ? custodyProtection(custody)
        : passphraseProtection(Buffer.from((await readFile(passphraseFile, 'utf8')).trim()));
    for (const { signSeed, kemSeed, next } of await openKeyFile(new Uint8Array(await readFile(keyFile)), protection)) {
      keys.push({ name: `KEM seed of ${owner}`, bytes: kemSeed, knownTo: [owner] });
      if (signSeed !== null) keys.push({ name: `signing seed of ${owner}`, bytes: signSeed, knownTo: [owner] });
      if (next?.seed) keys.push({ name: `next signing seed of ${owner}`, bytes: next.seed, knownTo: [] });
    }
    // the file's form is custody's own; here only that it is a map of keys matters
    const file = decodeCanonical(new Uint8Array(await readFile(custodyFile)), 1024 * 1024) as {
      keys: Record<string, Uint8Array>;
    };
    for (const [name, bytes] of Object.entries(file.keys)) {
      keys.push({ name: `${name} of ${owner}'s custody`, bytes, knownTo: [owner] });
    }
  }
  return keys;
}

/** What opens doors: the token, and the keys between gateway and roles. Their own files hold them. */
async function accessSecrets(): Promise<Needle[]> {
  return [
    { name: 'bearer token', bytes: Buffer.from(operator.token.token) },
    ...operator.members.map(({ name, internalKey }) => ({
      name: `internal key of ${name}`,
      bytes: fromHex(internalKey),
    })),
    { name: 'password of NATS', bytes: Buffer.from(String(operator.nats.password)) },
  ];
}

/** Nothing is in a file that a running database has removed since it was listed. */
function gone(error: NodeJS.ErrnoException): Buffer {
  if (error.code === 'ENOENT') return Buffer.alloc(0);
  throw error;
}
