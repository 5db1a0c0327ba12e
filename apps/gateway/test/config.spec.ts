import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { isDtaError } from '@dta/errors';
import { createLogger, describeConfig } from '@dta/service';
import { createMemoryBroker } from '@dta/transport';
import { gatewaySettings, readGatewayConfig, startGateway } from '../src/index.js';
import { cid } from './fake-roles.js';

const key = 'ab'.repeat(32);
const enough = { TOKEN_HASH: '12'.repeat(32), PRINCIPAL: cid('p'), PRINCIPAL_KEY: key };

const faultsOf = (env: Record<string, string>): string => {
  try {
    readGatewayConfig(env);
  } catch (error) {
    if (isDtaError(error, 'configuration_invalid')) return error.message;
    throw error;
  }
  return '';
};

describe('readGatewayConfig', () => {
  it('has defaults for all but the token and one role', () => {
    expect(readGatewayConfig(enough)).toEqual({
      ...{ port: 5556, host: '127.0.0.1', gatewayName: 'gateway', logLevel: 'info' },
      nats: { servers: ['nats://127.0.0.1:4222'], user: undefined, password: undefined, credentials: undefined },
      principal: { node: cid('p'), psk: new Uint8Array(32).fill(0xab) },
      cursorKeys: [new Uint8Array(32).fill(0xab)],
      ...{ beneficiary: null, fiduciaries: [], rateLimitPerMinute: 60_000, trustProxyHops: 0 },
      connections: { max: 10_000, perClient: 1_000 },
      access: { tokenHashes: [new Uint8Array(32).fill(0x12)] },
      monitor: null,
    });
  });

  it('reads keys by file, one for all fiduciaries or one each', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'dta-')), 'key');
    writeFileSync(file, `${key}\n${'cd'.repeat(32)}\n`);
    const two = { ...enough, FIDUCIARIES: `${cid('a')},${cid('b')}` };
    const bytes = ({ fiduciaries }: ReturnType<typeof readGatewayConfig>) => fiduciaries.map(({ psk }) => psk[0]);
    expect(bytes(readGatewayConfig({ ...two, FIDUCIARY_KEY_FILE: file }))).toEqual([0xab, 0xcd]);
    expect(bytes(readGatewayConfig({ ...two, FIDUCIARY_KEY: key }))).toEqual([0xab, 0xab]);
  });

  it('takes the new and the old one of what is replaced, and seals by the first', () => {
    const [next, hash] = ['ef'.repeat(32), '34'.repeat(32)];
    const turned = readGatewayConfig({
      ...{ ...enough, PRINCIPAL_KEY: `${next}:${key}`, TOKEN_HASH: `${hash}:${enough.TOKEN_HASH}` },
      ...{ FIDUCIARIES: `${cid('a')},${cid('b')}`, FIDUCIARY_KEY: `${key}, ${next}:${key}` },
    });
    expect(turned.principal?.psk[0]).toBe(0xef);
    expect(turned.cursorKeys.map(([byte]) => byte)).toEqual([0xef, 0xab]);
    expect(turned.fiduciaries.map(({ psk }) => psk[0])).toEqual([0xab, 0xef]);
    expect(turned.access).toEqual({ tokenHashes: [0x34, 0x12].map((byte) => new Uint8Array(32).fill(byte)) });
  });

  it('refuses to start without a token', () => {
    expect(faultsOf({ ...enough, TOKEN_HASH: '' })).toContain('TOKEN_HASH: is missing');
  });

  it('names every fault at once, and no value', () => {
    const message = faultsOf({
      ...{
        PORT: '70000',
        NATS_URL: 'http://x',
        PRINCIPAL: cid('p'),
        BENEFICIARY: 'nobody',
        BENEFICIARY_KEY: 'a-secret',
      },
      ...{ FIDUCIARIES: cid('f'), FIDUCIARY_KEY_FILE: '/nowhere/key', GATEWAY_NAME: 'two words', LOG_LEVEL: 'loud' },
    });
    const names = ['PORT', 'NATS_URL', 'PRINCIPAL_KEY', 'BENEFICIARY', 'BENEFICIARY_KEY', 'FIDUCIARY_KEY_FILE'];
    for (const name of [...names, 'GATEWAY_NAME', 'TOKEN_HASH', 'LOG_LEVEL']) expect(message).toContain(`${name}: `);
    expect(message).not.toContain('a-secret');
  });

  it.each([
    [{ TOKEN_HASH: enough.TOKEN_HASH }, 'one of PRINCIPAL, BENEFICIARY, FIDUCIARIES is needed'],
    [{ ...enough, FIDUCIARIES: cid('a') }, 'FIDUCIARY_KEY: must hold one key'],
    [{ ...enough, FIDUCIARY_KEY: key }, 'FIDUCIARY_KEY: must hold one key'],
    [{ ...enough, TOKEN_HASH: `${enough.TOKEN_HASH}:` }, 'TOKEN_HASH: must be 32 bytes in hex'],
    [{ ...enough, PRINCIPAL_KEY: Array(5).fill(key).join(':') }, 'PRINCIPAL_KEY: must hold four at most'],
    [{ ...enough, BENEFICIARY: cid('b') }, 'BENEFICIARY_KEY: goes together with BENEFICIARY'],
    [{ ...enough, FIDUCIARIES: `${cid('a')} ${cid('a')}`, FIDUCIARY_KEY: key }, 'FIDUCIARIES: must not name one twice'],
  ])('refuses %j', (env, fault) => {
    expect(faultsOf(env)).toContain(fault);
  });

  it('has a meaning for every setting', () => {
    for (const row of describeConfig(gatewaySettings)) expect(row.meaning).not.toBe('');
    expect(
      describeConfig(gatewaySettings)
        .filter(({ secret }) => secret)
        .map(({ name }) => name),
    ).toEqual([
      ...['NATS_PASSWORD', 'NATS_CREDENTIALS', 'PRINCIPAL_KEY', 'BENEFICIARY_KEY', 'FIDUCIARY_KEY', 'TOKEN_HASH'],
    ]);
  });
});

it('a gateway that finds its port taken says so', async () => {
  const transport = createMemoryBroker().connect();
  const parts = { transport, logger: createLogger({ name: 'gateway', level: 'silent' }) };
  const config = readGatewayConfig(enough);
  const first = await startGateway({ ...config, port: 0 }, parts);
  try {
    await expect(startGateway({ ...config, port: first.port }, parts)).rejects.toMatchObject({ code: 'start_failed' });
  } finally {
    await first.stop();
  }
});
