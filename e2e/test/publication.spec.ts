import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { cidFromBytes, parseCid, type Cid } from '@dta/codec';
import { DOCUMENT_STORE_TIMEOUT_MS } from '@dta/contracts';
import { openKuboStore, type DocumentStore } from '@dta/document-store';
import { parseEnvelope, verifyEnvelope } from '@dta/envelope';
import { readIdentity } from '@dta/identity';
import {
  dta,
  startCluster,
  type Cluster,
  type KuboNode,
  type Member,
  type Operator,
  type RestAnswer,
} from '@dta/testkit';
import { connect } from 'nats';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { query } from '../src/databases.js';
import { detail, expected, isPrivateKeyOf, place, redeem, until } from '../src/orders.js';

jest.setTimeout(300_000);

let cluster: Cluster;
let operators: readonly Operator[];
let folder: string;

/** Three operators, each with a Kubo node of its own: a principal and beneficiary, and two fiduciaries. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dta-seen-'));
  const fiduciary = { principal: false, beneficiary: false, fiduciaries: 1 };
  cluster = await startCluster({
    operators: [
      { name: 'first', fiduciaries: 0 },
      { name: 'second', ...fiduciary },
      { name: 'third', ...fiduciary },
    ],
    kuboNodes: 3,
  });
  operators = cluster.operators;
});

afterAll(async () => {
  await cluster.stop();
  await rm(folder, { recursive: true, force: true });
});

const members = (): Member[] => operators.flatMap((operator) => operator.members);
const kuboOf = (member: Member): KuboNode => {
  if (member.kubo === undefined) throw new Error(`${member.name} publishes nowhere`);
  return member.kubo;
};
const storeAt = (kubo: KuboNode): DocumentStore =>
  openKuboStore({ url: kubo.url, timeoutMs: DOCUMENT_STORE_TIMEOUT_MS });

function placeHere(): ReturnType<typeof place> {
  const fiduciaries = members().filter(({ role }) => role === 'fiduciary');
  return place(cluster.operator('first').api(), {
    fiduciaries: fiduciaries.map(({ idDocumentCID }) => idDocumentCID),
    threshold: 2,
  });
}

async function placeAndRedeem(): Promise<string> {
  const { orderReference, commitment } = await placeHere();
  const api = cluster.operator('first').api();
  const secret = await redeem(api, orderReference);
  expect(isPrivateKeyOf(secret, commitment)).toBe(true);
  await until(api, orderReference, ({ waitingFor }) => waitingFor.length === 0); // all have answered: no envelope follows
  return orderReference;
}

const owedBy = async (member: Member): Promise<number> => {
  const [row] = await query<{ owed: number }>(
    member,
    'SELECT count(*)::integer AS owed FROM envelopes WHERE log AND published_at IS NULL',
  );
  return row?.owed ?? -1;
};

/** Waits until no role owes the log anything. */
async function untilPublished(limitMs = 90_000): Promise<void> {
  for (const limit = Date.now() + limitMs; ; await delay(100)) {
    const owed = await Promise.all(members().map(owedBy));
    if (owed.every((count) => count === 0)) return;
    if (Date.now() > limit) throw new Error(`still owed after ${limitMs} ms: ${owed.join(', ')}`);
  }
}

/** Audits all logs of all operators out of one Kubo node, by the heads that their gateways tell. */
async function verifyAll(kubo: KuboNode): Promise<string> {
  const said = await Promise.all(
    operators.map(({ name, api, token }) => {
      const where = ['--url', api().url, '--token-file', token.file, '--kubo', kubo.url];
      return dta(['verify-log', ...where, '--seen', join(folder, `${name}-${kubo.url.split(':').at(-1)}`)]);
    }),
  );
  return said.join('\n');
}

test("every envelope of an order is read at every operator's node, and every role's log is sound", async () => {
  const orderReference = await placeAndRedeem();
  await untilPublished();
  const nodes = cluster.kuboNodes;
  expect(nodes).toHaveLength(3);
  let envelopes = 0;
  for (const member of members()) {
    const identity = readIdentity(await storeAt(kuboOf(member)).get(parseCid(member.idDocumentCID)));
    const rows = await query<{ cid: Cid; bytes: Buffer }>(
      member,
      'SELECT cid, bytes FROM envelopes WHERE order_ref = $1 AND log',
      [orderReference],
    );
    expect(rows.length).toBeGreaterThan(1);
    for (const { cid, bytes } of rows) {
      for (const node of nodes) expect(Buffer.from(await storeAt(node).get(cid)).equals(bytes)).toBe(true);
      verifyEnvelope(parseEnvelope(new Uint8Array(bytes)), identity);
      envelopes += 1;
    }
  }
  const said = await verifyAll(kuboOf(cluster.operator('third').member('fiduciary-1')));
  expect(said.match(/^sound  (principal|beneficiary|fiduciary) /gm)).toHaveLength(4);
  const counted = [...said.matchAll(/ (\d+) envelopes/g)].reduce((sum, [, count]) => sum + Number(count), 0);
  expect(counted).toBe(envelopes); // of the only order there is
  const { envelopes: shown } = (await detail(cluster.operator('first').api(), orderReference)) as unknown as {
    envelopes: { published: boolean }[]; // as the route's schema has it
  };
  expect(shown.length).toBeGreaterThan(0);
  expect(shown.every(({ published }) => published)).toBe(true);
});

test('the head is asked for by another operator over NATS', async () => {
  const member = cluster.operator('second').member('fiduciary-1');
  const { url, user, password } = cluster.operator('third').nats;
  const connection = await connect({ servers: url, user: user ?? '', pass: password ?? '' });
  try {
    const subject = `dta.v1.${member.idDocumentCID}.fiduciary.head`;
    const { data } = await connection.request(subject, new Uint8Array(), { timeout: 10_000 });
    const [newest] = await query<{ cid: Cid }>(
      member,
      'SELECT cid FROM segments WHERE published_at IS NOT NULL ORDER BY seq DESC LIMIT 1',
    );
    expect(cidFromBytes(new Uint8Array(data))).toBe(newest?.cid);
  } finally {
    await connection.close();
  }
});

test('Kubo nodes that are away delay no order, and get everything when they are back', async () => {
  await untilPublished();
  for (const node of cluster.kuboNodes) await node.kill();
  for (let order = 0; order < 3; order++) await placeAndRedeem();
  for (const member of members()) expect(await owedBy(member)).toBeGreaterThan(0);
  await Promise.all(cluster.kuboNodes.map((node) => node.restart()));
  await untilPublished();
  expect((await verifyAll(kuboOf(members()[0] as Member))).match(/^sound /gm)).toHaveLength(4); // there are four
});

test('a role that is killed while Kubo has the segment and nobody has marked it repeats the same segment', async () => {
  const member = cluster.operator('second').member('fiduciary-1');
  const kubo = kuboOf(member);
  await untilPublished();
  const [before] = await query<{ seq: string }>(member, 'SELECT coalesce(max(seq), -1) AS seq FROM segments');
  // as on a database that hangs just then: the segment is put, and its mark never comes
  await query(
    member,
    `CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.published_at IS NOT NULL THEN PERFORM pg_sleep(60); END IF; RETURN NEW; END $$;
    CREATE TRIGGER hold BEFORE UPDATE ON segments FOR EACH ROW EXECUTE FUNCTION hold()`,
  );
  await placeAndRedeem();
  const owed = async () =>
    query<{ seq: string; cid: Cid }>(member, 'SELECT seq, cid FROM segments WHERE published_at IS NULL ORDER BY seq');
  const [segment] = await untilSome(owed);
  await untilSome(async () => ((await isPinned(kubo, segment?.cid ?? '')) ? [true] : []));
  const [process] = member.processes;
  await process?.kill9();
  expect((await owed())[0]).toEqual(segment);
  await query(member, 'DROP TRIGGER hold ON segments; DROP FUNCTION hold');
  await process?.restart();
  await untilPublished();
  const [after] = await query<{ cid: Cid }>(member, 'SELECT cid FROM segments WHERE seq = $1', [segment?.seq]);
  expect(after?.cid).toBe(segment?.cid);
  expect(Number(segment?.seq)).toBe(Number(before?.seq) + 1);
  expect((await verifyAll(kubo)).match(/^sound /gm)).toHaveLength(4);
});

test("an identity is admitted by its CID alone, out of another operator's node", async () => {
  const files = [
    '--key-file',
    join(folder, 'key'),
    '--custody-software',
    join(folder, 'custody'),
    '--document',
    join(folder, 'document'),
  ];
  const idDocumentCID = await dta(['identity', 'create', '--name', 'a stranger', '--role', 'fiduciary', ...files]);
  const api = cluster.operator('first').api();
  const admit = () => untilAnswered(() => api.post('/v1/identity', { idDocumentCID }));
  expected(404, await admit());
  const bytes = new Uint8Array(await readFile(join(folder, 'document')));
  const cid = parseCid(idDocumentCID);
  await storeAt(kuboOf(cluster.operator('third').member('fiduciary-1'))).put({ root: cid, blocks: [{ cid, bytes }] });
  await untilSome(async () => [await admit()].filter(({ status }) => status === 200)); // it may take long to find
  expect(expected(200, await api.get(`/v1/identity/${idDocumentCID}`))).toMatchObject({
    admitted: true,
    name: 'a stranger',
  });
});

/** On a machine that is too busy a search may take all the time that a request has. */
async function untilAnswered(ask: () => Promise<RestAnswer>): Promise<RestAnswer> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await ask();
    if (answer.status !== 504 || attempt === 5) return answer;
  }
}

async function untilSome<T>(look: () => Promise<T[]>, limitMs = 60_000): Promise<T[]> {
  for (const limit = Date.now() + limitMs; ; await delay(50)) {
    const found = await look();
    if (found.length > 0) return found;
    if (Date.now() > limit) throw new Error(`nothing after ${limitMs} ms`);
  }
}

async function isPinned({ url }: KuboNode, cid: string): Promise<boolean> {
  const answer = await fetch(`${url}/api/v0/pin/ls?type=recursive&arg=${cid}`, { method: 'POST' });
  await answer.arrayBuffer();
  return answer.ok;
}
