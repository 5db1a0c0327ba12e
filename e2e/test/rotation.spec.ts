import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { parseCid, type Cid } from '@dta/codec';
import { peerSubject } from '@dta/contracts';
import { custodyProtection, openSoftwareCustody } from '@dta/custody';
import { encodeBundle, sealEnvelope } from '@dta/envelope';
import { toDtaError } from '@dta/errors';
import {
  drawKey,
  generateSuccessor,
  IdentityDirectory,
  passphraseProtection,
  readIdentity,
  signStatement,
  softwareSigningKey,
  type DrawnKey,
  type Identity,
  type KeyGeneration,
  type SigningKey,
} from '@dta/identity';
import { readKeyFile } from '@dta/node';
import { forwardStatement, signRequest } from '@dta/order';
import { dta, type Cluster, type Member, type Operator, type RestApi } from '@dta/testkit';
import { connectNats, type Transport } from '@dta/transport';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { query } from '../src/databases.js';
import { eventually, knows, protectedBy, rotate } from '../src/new-keys.js';
import { detail, expected, isPrivateKeyOf, place, redeem, until, type Placed } from '../src/orders.js';
import { startTwoOperators } from '../src/two-operators.js';

// The keys of a principal, a beneficiary and a fiduciary change between order and redemption; then another operator's
// fiduciary ends its chain, and a thief freezes one. As operators do it: by `dta identity`, files and a restart.
jest.setTimeout(300_000);

let cluster: Cluster | undefined;
let operator: Operator;
let second: Operator;
let api: RestApi;
let before: Placed;
let other: Placed;
let transport: Transport;

const member = (name: string) => operator.member(name);
const fiduciary = (at: number) => (at === 3 ? second.member('fiduciary-1') : member(`fiduciary-${at}`));
const everyone = () => [...operator.members, ...second.members];
/** An order of all three fiduciaries. */
const ofThree = () => ({ fiduciaries: [1, 2, 3].map((at) => fiduciary(at).idDocumentCID) });

beforeAll(async () => {
  ({ cluster, first: operator, second } = await startTwoOperators());
  api = operator.api();
  [before, other] = [await place(api, ofThree()), await place(api, ofThree())];
  for (const { orderReference } of [before, other]) {
    await until(api, orderReference, ({ waitingFor }) => waitingFor.length === 0); // everyone has the certificate
  }
  const { url, user = '', password = '' } = operator.nats;
  transport = await connectNats({
    servers: [url],
    user,
    password,
    name: 'test',
    minPayload: 0,
    onError: () => undefined,
  });
});

afterAll(async () => {
  await transport?.close();
  await cluster?.stop();
});

async function keysOf(owner: Member): Promise<{ identity: Identity; key: SigningKey; next: DrawnKey }[]> {
  const passphraseFile = owner.settings['KEY_PASSPHRASE_FILE'];
  const custody = await openSoftwareCustody({ file: owner.custodyFile, warn: () => undefined });
  const protection =
    passphraseFile === undefined
      ? custodyProtection(custody)
      : passphraseProtection(new TextEncoder().encode((await readFile(passphraseFile, 'utf8')).trim()));
  const generations = await readKeyFile(owner.keyFile, protection);
  await custody.close();
  return generations.map(({ document, signSeed, next }: KeyGeneration) => ({
    identity: readIdentity(document),
    key: softwareSigningKey(signSeed ?? new Uint8Array()),
    next: next === null || next.seed === null ? drawKey() : { key: softwareSigningKey(next.seed), seed: next.seed },
  }));
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'answered',
    (error: unknown) => toDtaError(error).code,
  );

/** Sends statements in an envelope by `by`, in its first role. */
async function send(
  by: { identity: Identity; key: SigningKey },
  to: Member,
  verb: string,
  order: Cid | null,
  statements: readonly Uint8Array[],
): Promise<string> {
  const recipient = readIdentity(new Uint8Array(await readFile(to.document)));
  const { bytes } = await sealEnvelope(
    {
      ...{
        sender: by.identity,
        from: by.identity.roles[0] ?? 'principal',
        order,
        prev: [],
        log: order !== null,
        now: Date.now(),
        statements,
      },
      recipients: [{ id: recipient.cid, role: to.role, kem: recipient.keys.kem }],
    },
    by.key,
  );
  const identities = by.identity.prev === null ? [] : [by.identity.bytes];
  const bundle = encodeBundle({ envelopes: [bytes], attachments: [], identities });
  return codeOf(transport.request(peerSubject(recipient.cid, to.role, verb), bundle, { timeoutMs: 10_000 }));
}

describe('after the keys of principal, beneficiary and a fiduciary have changed', () => {
  const rotated = ['principal', 'beneficiary', 'fiduciary-1'];
  const newest = new Map<string, Cid>();

  beforeAll(async () => {
    for (const name of rotated) newest.set(name, await rotate(member(name)));
  });

  test('every peer is told, and has the new document', async () => {
    for (const name of rotated) {
      for (const peer of everyone().filter((one) => one !== member(name))) {
        await eventually(() => knows(peer, newest.get(name) ?? 'none'));
      }
      await eventually(async () => {
        const rows = await query<{ answered_at: Date | null }>(member(name), 'SELECT answered_at FROM announcements');
        return rows.length === everyone().length - 1 && rows.every(({ answered_at: at }) => at !== null);
      });
    }
  });

  test('an order made before is redeemed: to the private key of its commitment', async () => {
    expect(isPrivateKeyOf(await redeem(api, before.orderReference), before.commitment)).toBe(true);
    const { fiduciaries } = await detail(api, before.orderReference);
    expect(fiduciaries.map(({ state }) => state)).toContain('released');
    await until(api, before.orderReference, ({ waitingFor }) => waitingFor.length === 0);
  });

  test('a new order goes its way, by the same addresses', async () => {
    const order = await place(api, ofThree());
    expect(isPrivateKeyOf(await redeem(api, order.orderReference), order.commitment)).toBe(true);
    const { nodeCID } = expected(200, await api.get('/v1/status'));
    expect(nodeCID).toBe(newest.get('principal'));
  });

  test("what the predecessor's key signs now is refused; what it signed stays", async () => {
    const [old, current] = await keysOf(member('principal'));
    if (old === undefined || current === undefined) throw new Error('there are two generations');
    const documents = await Promise.all(everyone().map(({ document }) => readFile(document)));
    const directory = new IdentityDirectory();
    directory.add(documents.map((bytes) => new Uint8Array(bytes)));
    const terms = {
      plugin: 'milagro',
      fiduciaries: [parseCid(fiduciary(2).idDocumentCID)],
      beneficiary: parseCid(member('beneficiary').idDocumentCID),
    };
    const enrol = async (by: typeof old) => {
      directory.add([by.identity.bytes]);
      const request = await signRequest(terms, by, directory, Date.now());
      return send(by, member('beneficiary'), 'enrol', request.cid, [request.bytes]);
    };
    expect(await enrol(old)).toBe('identity_frozen');
    expect(await enrol(current)).toBe('answered');
    expect((await detail(api, before.orderReference)).state).toBe('released');
  });
});

test('a revoked fiduciary says nothing new, to anyone; certificates that it is part of stay valid', async () => {
  const revoked = fiduciary(3);
  const file = join(revoked.folder, 'revocation');
  await dta([
    ...['identity', 'revoke', '--key-file', revoked.keyFile, '--reason', 'given up', '--revocation', file],
    ...protectedBy(revoked),
  ]);
  // its operator tells its own roles alone; the fiduciary tells everyone else
  const document = (await readFile(file)).toString('base64');
  const answer = await second.api().post('/v1/identity', { document });
  expect(expected(200, answer).idDocumentCID).toBe(revoked.idDocumentCID);
  for (const who of everyone()) {
    await eventually(async () => {
      const rows = await query(who, 'SELECT FROM revocations WHERE first = $1', [revoked.idDocumentCID]);
      return rows.length === 1;
    });
  }
  expect(expected(200, await api.get(`/v1/identity/${revoked.idDocumentCID}`))).toMatchObject({ standing: 'revoked' });
  const refused = await api.post('/v1/order', ofThree());
  expect([refused.status, refused.body?.['code']]).toEqual([409, 'identity_frozen']);
  expect(isPrivateKeyOf(await redeem(api, other.orderReference), other.commitment)).toBe(true);
  const states = (await detail(api, other.orderReference)).fiduciaries.map(({ state }) => state);
  expect(states.filter((state) => state === 'released')).toHaveLength(2);
});

test('a second successor by all keys of a node freezes its chain until an operator has decided', async () => {
  const [stolen] = await keysOf(fiduciary(2));
  const [, teller] = await keysOf(member('beneficiary'));
  if (stolen === undefined || teller === undefined) throw new Error('there are keys');
  const asked = { fiduciaries: [fiduciary(2).idDocumentCID], threshold: 1 };
  const tell = async (own: DrawnKey, name: string) => {
    const keys = { predecessor: stolen.key, own };
    const { document } = await generateSuccessor(stolen.identity, keys, { name, now: Date.now() });
    const { cid } = readIdentity(document);
    const said = { issuer: teller.identity.cid, order: null, createdAt: Date.now(), statements: [cid] };
    const forward = await signStatement(forwardStatement, said, [teller.key]);
    return send(teller, member('principal'), 'identity', null, [forward.bytes, document]);
  };
  expect(await tell(drawKey(), 'by the live key alone')).toBe('identity_invalid');
  await place(api, asked);
  expect(await tell(stolen.next, 'first')).toBe('answered');
  expect(await tell(stolen.next, 'second')).toBe('answered');
  const refused = await api.post('/v1/order', asked);
  expect([refused.status, refused.body?.['code']]).toEqual([409, 'identity_frozen']);
  const others = await place(api, { fiduciaries: [fiduciary(1).idDocumentCID], threshold: 1 });
  expect(isPrivateKeyOf(await redeem(api, others.orderReference), others.commitment)).toBe(true);

  const environment = { DATABASE_URL: member('principal').databaseUrl };
  const forks: { idDocumentCID: Cid; name: string }[] = JSON.parse(
    await dta(['admin', 'forks', '--json'], environment),
  );
  expect(forks.map(({ name }) => name)).toEqual(['first', 'second']);
  const [kept] = forks;
  await dta(['admin', 'forks', '--follow', kept?.idDocumentCID ?? ''], environment);
  await eventually(async () => {
    const { body } = await api.get(`/v1/identity/${fiduciary(2).idDocumentCID}`);
    return body?.['standing'] === 'sound';
  });
});
