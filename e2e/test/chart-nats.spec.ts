import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { startNatsServer, type NatsServer } from '@dta/testkit';
import { connect, nkeyAuthenticator, nkeys, type NatsConnection } from 'nats';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parse } from 'yaml';
import { EXAMPLES } from '../src/chart.js';
import { ROOT } from '../src/pages.js';

// k8s/examples/three-operators: the hub and the leaf of each operator as real servers, told apart by nkeys; that each operator's
// values name these nodes. chart-three.long.spec has them in pods.
jest.setTimeout(300_000);

const FOLDER = join(ROOT, 'k8s/examples/three-operators');
const operators = ['alpha', 'beta', 'gamma'] as const;
type Operator = (typeof operators)[number];

let folder: string;
let hubConfig: string;
const servers: NatsServer[] = [];
const seeds = {} as Record<Operator, Uint8Array>; // filled before the first test
const at = {} as Record<Operator, NatsConnection>; // likewise

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dta-leaf-'));
  const [hub, leaf] = await Promise.all(['hub.conf', 'leaf.conf'].map((name) => readFile(join(FOLDER, name), 'utf8')));
  hubConfig = hub ?? '';
  let filled = hubConfig.replace(/^(listen|max_payload): .*$/gm, '').replace('0.0.0.0:7422', '127.0.0.1:-1');
  for (const name of operators) {
    const user = nkeys.createUser();
    seeds[name] = user.getSeed();
    filled = filled.replace(`${name.toUpperCase()}-NKEY`, user.getPublicKey());
    await writeFile(join(folder, `${name}.conf`), `nkey: "${new TextDecoder().decode(user.getSeed())}"\n`);
  }
  const meeting = await startNatsServer({ config: `${filled}\nhttp: "127.0.0.1:-1"\nports_file_dir: "${folder}"` });
  servers.push(meeting);
  const leafPort = await portOfLeaves(join(folder, `nats-server_${meeting.pid}.ports`));
  for (const name of operators) {
    const config = (leaf ?? '')
      .replace(/^(listen|max_payload): .*$/gm, '')
      .replace('hub.example:7422', `127.0.0.1:${leafPort}`)
      .replace('secret/nkey.conf', `../${basename(folder)}/${name}.conf`);
    const server = await startNatsServer({ config });
    servers.push(server);
    at[name] = await connect({ servers: server.url, timeout: 60_000 });
  }
});

afterAll(async () => {
  for (const connection of Object.values(at)) await connection.close();
  for (const server of servers.reverse()) await server.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The port that a server has chosen for its leaves, which its monitoring alone tells. */
async function portOfLeaves(portsFile: string): Promise<number> {
  for (const limit = performance.now() + 60_000; performance.now() < limit; await delay(20)) {
    const text = await readFile(portsFile, 'utf8').catch(() => '');
    const [, monitoring] = /"monitoring":\["([^"]+)"/.exec(text) ?? [];
    if (monitoring === undefined) continue;
    const { leaf } = (await (await fetch(`${monitoring}/varz`)).json()) as { leaf: { port: number } }; // as NATS has it
    if (leaf.port > 0) return leaf.port;
  }
  throw new Error('the hub did not say where its leaves connect');
}

const serve = async (name: Operator, subject: string) => {
  at[name].subscribe(subject, { callback: (_, message) => void message.respond(message.data) });
  await at[name].flush();
};
/** `answered`, or NATS's own code (503: no process serves the subject there). */
const call = (name: Operator, subject: string, timeout = 60_000) =>
  at[name].request(subject, new Uint8Array([1]), { timeout }).then(
    () => 'answered',
    (error: unknown) => String((error as { code?: unknown }).code), // of the library's NatsError
  );
/** Asks until it is answered: a leaf connects, and learns what is served, after it has started; a message in between is lost. */
async function reaches(name: Operator, subject: string): Promise<void> {
  for (const limit = performance.now() + 60_000; (await call(name, subject, 1_000)) !== 'answered'; await delay(50)) {
    if (performance.now() > limit) throw new Error(`${name} does not reach ${subject}`);
  }
}

describe('three operators on a hub', () => {
  test("reach one another's nodes from their own servers, and none takes messages for another's", async () => {
    await serve('beta', 'dta.v1.BETA-FIDUCIARY.>');
    await serve('alpha', 'dta.v1.ALPHA-PRINCIPAL.>');
    await serve('gamma', 'dta.v1.GAMMA-FIDUCIARY.>');
    await reaches('alpha', 'dta.v1.BETA-FIDUCIARY.accept');
    await reaches('alpha', 'dta.v1.GAMMA-FIDUCIARY.accept');
    await reaches('gamma', 'dta.v1.ALPHA-PRINCIPAL.identity');

    const heard: string[] = [];
    at.gamma.subscribe('dta.v1.BETA-FIDUCIARY.>', { callback: (_, message) => void heard.push(message.subject) });
    await at.gamma.flush();
    await reaches('alpha', 'dta.v1.BETA-FIDUCIARY.deal');
    await reaches('gamma', 'dta.v1.ALPHA-PRINCIPAL.identity'); // gamma's server has had all of that by now
    expect(heard).toEqual([]);
  });

  test('keep to themselves what their processes say to one another, from the hub too', async () => {
    await serve('beta', 'dta.internal.>');
    expect(await call('beta', 'dta.internal.BETA-FIDUCIARY.fiduciary.status')).toBe('answered');
    expect(await call('alpha', 'dta.internal.BETA-FIDUCIARY.fiduciary.status')).toBe('503');
    // one who runs the hub is let into beta's account there
    const [hub] = servers;
    const inside = await connect({
      servers: hub?.url ?? '',
      authenticator: nkeyAuthenticator(seeds.beta),
      timeout: 60_000,
    });
    try {
      const asked = inside.request('dta.internal.BETA-FIDUCIARY.fiduciary.status', new Uint8Array(), {
        timeout: 60_000,
      });
      await expect(asked).rejects.toMatchObject({ code: '503' });
      // served before the hub's user listens: it takes a message that no leaf asks for yet, and answers none
      await serve('beta', 'dta.v1.BETA-BENEFICIARY.>');
      await reaches('alpha', 'dta.v1.BETA-BENEFICIARY.enrol');
      const heard: string[] = [];
      inside.subscribe('dta.>', { callback: (_, message) => void heard.push(message.subject) });
      await inside.flush();
      await reaches('alpha', 'dta.v1.BETA-BENEFICIARY.enrol');
      expect(await call('beta', 'dta.internal.BETA-FIDUCIARY.fiduciary.status')).toBe('answered');
      await reaches('alpha', 'dta.v1.BETA-BENEFICIARY.enrol'); // the hub has had all of that by now
      await inside.flush();
      const internal = heard.filter((subject) => subject.startsWith('dta.internal.'));
      expect([heard.length > 0, internal]).toEqual([true, []]);
    } finally {
      await inside.close();
    }
  });

  test('have messages of 2 MiB', () => {
    for (const { info } of Object.values(at)) expect(info?.max_payload).toBe(2 * 1024 * 1024);
  });

  test("have, in the hub's accounts, the nodes that their values have", async () => {
    for (const name of operators) {
      const values = parse(await readFile(join(ROOT, EXAMPLES[name]), 'utf8')) as {
        principal?: object;
        beneficiary?: object;
        fiduciaries: { name: string }[];
      }; // the schema has seen it
      const own = [
        ...(['principal', 'beneficiary'] as const).filter((role) => values[role]),
        ...values.fiduciaries.map((each) => each.name),
      ];
      const [, account = ''] = new RegExp(`"${name}" \\{\\n([^]*?)\\n  \\}`).exec(hubConfig) ?? [];
      const exported = [...account.matchAll(/\{ service: "dta\.v1\.([A-Z0-9-]+)\.>", accounts/g)].map(
        ([, node]) => node,
      );
      expect(exported.sort()).toEqual(own.map((role) => `${name}-${role}`.toUpperCase()).sort());
      for (const node of exported) {
        const imported = [
          ...hubConfig.matchAll(new RegExp(`account: "${name}", subject: "dta\\.v1\\.${node}\\.>"`, 'g')),
        ];
        expect([node, imported.length]).toEqual([node, 2]);
      }
    }
  });
});
