import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { serviceUrl } from '@dta/testkit';
import { connectNats } from '@dta/transport';
import { cid, principal, serveFakeRoles, type FakeRoles } from './fake-roles.js';
import { send, token } from './http.js';

const program = fileURLToPath(new URL('../src/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'dta-gateway-'));

let servers: string[];
let roles: FakeRoles;
beforeAll(async () => {
  servers = [await serviceUrl('nats')];
  const connect = () => connectNats({ servers, minPayload: 1_000_000, drainMs: 100 });
  roles = await serveFakeRoles(await connect(), await connect());
});
afterAll(() => roles.close());

const settings = () => {
  const keyFile = join(folder, 'principal.key');
  writeFileSync(keyFile, `${Buffer.from(principal.psk).toString('hex')}\n`);
  return {
    ...{ PORT: '0', NATS_URL: servers.join(','), PRINCIPAL: principal.node, PRINCIPAL_KEY_FILE: keyFile },
    TOKEN_HASH: createHash('sha256').update(token).digest('hex'),
  };
};

interface Process {
  readonly child: ChildProcess;
  output(): string;
  readonly ended: Promise<number | null>;
}

function run(env: Record<string, string>): Process {
  const child = spawn(process.execPath, [program], { env });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return { child, output: () => output, ended: new Promise((resolve) => child.on('close', resolve)) };
}

describe('the gateway as a process', () => {
  it('serves orders over NATS, and stops when it is told to', async () => {
    const { child, output, ended } = run(settings());
    const port = await untilListening(output);
    const headers = { Authorization: `Bearer ${token}` };
    expect(await send(port, '/v1/order', { json: {}, headers })).toMatchObject({
      ...{ status: 200, body: { orderReference: cid('order') } },
    });
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(output()).toContain('the gateway has stopped');
    expect(output()).not.toContain(token);
  });

  it('does not start without a token, and says why in one sentence', async () => {
    const { output, ended } = run({ ...settings(), TOKEN_HASH: '' });
    expect(await ended).toBe(78);
    expect(output()).toBe(
      "gateway can't start: the configuration is not valid: TOKEN_HASH: is missing (configuration_invalid)\n",
    );
  });
});

async function untilListening(output: () => string): Promise<number> {
  for (;;) {
    const [, port] = /"port":(\d+),"msg":"the gateway listens"/.exec(output()) ?? [];
    if (port !== undefined) return Number(port);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
