import 'reflect-metadata';
import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Module, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, MessagePattern, Payload, type MicroserviceOptions } from '@nestjs/microservices';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { connect } from 'nats';
import { of, throwError } from 'rxjs';
import { DtaError, isDtaError } from '@dta/errors';
import { startNatsServer, type NatsServer } from '@dta/testkit';
import {
  connectNats,
  DtaRpcExceptionFilter,
  DtaTransportStrategy,
  Gate,
  waiterGate,
  type MessageContext,
  type StrategyOptions,
  type Transport,
  type TransportMessage,
} from '@dta/transport';

const minPayload = 1024 * 1024;
const text = (payload: Uint8Array) => new TextDecoder().decode(payload);
const bytes = (value: string) => new TextEncoder().encode(value);

let release: () => void;
let released: Promise<void>;

@Controller()
class Verbs {
  @MessagePattern('echo')
  async echo(@Payload() { payload, headers }: TransportMessage, @Ctx() { subject }: MessageContext) {
    return bytes(`${subject} ${headers['requestId'] ?? ''} ${text(payload)}`);
  }

  @MessagePattern('observable')
  observable() {
    return of(bytes('observed'));
  }

  @MessagePattern('refuse')
  async refuse(): Promise<Uint8Array> {
    throw new DtaError('order_state_conflict', 'closed', { metadata: { state: 'closed' } });
  }

  @MessagePattern('refuse-observable')
  refuseObservable() {
    return throwError(() => new DtaError('rate_limited', 'slower'));
  }

  @MessagePattern('fail')
  async fail(): Promise<Uint8Array> {
    throw new Error('password 1234');
  }

  @MessagePattern('text')
  async text() {
    return 'no bytes';
  }

  @MessagePattern('parse')
  async parse({ payload }: TransportMessage) {
    return bytes(JSON.stringify(JSON.parse(text(payload))));
  }

  @MessagePattern('slow')
  async slow() {
    await released;
    return bytes('finished');
  }

  @MessagePattern('await', { waiter: true })
  async awaits() {
    await released;
    return bytes('waited');
  }
}

@Controller()
class Beginnings {
  @MessagePattern('begin')
  async begin(@Ctx() context: MessageContext) {
    try {
      await context.wait(() => released);
      return bytes('begun, and waited');
    } catch (error) {
      if (!isDtaError(error, 'busy')) throw error;
      return bytes('begun');
    }
  }
}

@Module({ controllers: [Verbs, Beginnings] })
class Role {}

@Controller()
class Events {
  @EventPattern('happened')
  happened(): void {}
}

@Module({ controllers: [Events] })
class EventRole {}

let server: NatsServer;
let own: Transport;
let caller: Transport;
const errors: unknown[] = [];
const apps: INestMicroservice[] = [];

function strategy(options: Partial<StrategyOptions> = {}): DtaTransportStrategy {
  return new DtaTransportStrategy({
    transport: own,
    group: 'role',
    gate: new Gate(),
    waiterGate: waiterGate(),
    subjects: (pattern) => [`v1.${pattern}`, `internal.${pattern}`],
    ...options,
  });
}

async function start(made: DtaTransportStrategy, module: unknown = Role, filter = true): Promise<INestMicroservice> {
  // typed as any class by Nest
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(module as typeof Role, {
    strategy: made,
    logger: false,
  });
  if (filter) app.useGlobalFilters(new DtaRpcExceptionFilter());
  apps.push(app);
  await app.listen();
  return app;
}

const ask = (subject: string, payload = '', timeoutMs = 5_000) =>
  caller.request(subject, bytes(payload), { timeoutMs, headers: { requestId: 'r1' } }).then(text);
const refusal = (subject: string, payload = '') => ask(subject, payload).catch((error: unknown) => error);

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let left = 1_000; !(await holds()); left -= 1) {
    if (left === 0) throw new Error('what was waited for never came');
    await delay(10);
  }
}

beforeAll(async () => {
  server = await startNatsServer();
}, 300_000);

afterAll(() => server.stop());

beforeEach(async () => {
  released = new Promise((resolve) => (release = resolve));
  errors.length = 0;
  own = await connectNats({ servers: [server.url], minPayload, onError: (error) => errors.push(error) });
  caller = await connectNats({ servers: [server.url], minPayload });
});

afterEach(async () => {
  release();
  for (const app of apps.splice(0)) await app.close();
  await Promise.all([own.close(), caller.close()]);
});

describe('Nest strategy', () => {
  test('serves each pattern on all its subjects; a handler gets bytes, headers and the subject', async () => {
    const app = await start(strategy());
    expect(await ask('v1.echo', 'a')).toBe('v1.echo r1 a');
    expect(await ask('internal.echo', 'b')).toBe('internal.echo r1 b');
    expect(await ask('v1.observable')).toBe('observed');
    await app.close();
    expect(isDtaError(await refusal('v1.echo'), 'service_unavailable')).toBe(true);
    expect(own.connected()).toBe(true);
  });

  test('a DtaError of a handler arrives unwrapped, thrown or from an observable', async () => {
    await start(strategy());
    const refused = await refusal('v1.refuse');
    expect(isDtaError(refused, 'order_state_conflict') && refused.toJSON()).toEqual({
      code: 'order_state_conflict',
      message: 'closed',
      metadata: { state: 'closed', remote: true },
    });
    expect(isDtaError(await refusal('v1.refuse-observable'), 'rate_limited')).toBe(true);
    expect(errors).toEqual([]);
  });

  test('anything else is internal to the caller and reported as it was', async () => {
    await start(strategy());
    const failed = await refusal('v1.fail');
    expect(isDtaError(failed, 'internal') && JSON.stringify(failed)).not.toMatch(/1234/);
    expect(errors).toEqual([new Error('password 1234')]);
    expect(isDtaError(await refusal('v1.text'), 'internal')).toBe(true);
  });

  test('without the filter a caller sees internal, and nothing more', async () => {
    await start(strategy(), Role, false);
    expect(isDtaError(await refusal('v1.refuse'), 'internal')).toBe(true);
  });

  // The NATS server of Nest ends the process on the first of these.
  test('messages that are no JSON, without reply subject or empty leave it serving', async () => {
    await start(strategy());
    const raw = await connect({ servers: server.url });
    for (const payload of ['not JSON {', '', '\0\xff', '{"pattern":"echo"}']) {
      raw.publish('v1.parse', payload);
      raw.publish('v1.echo', payload);
      expect((await raw.request('v1.parse', payload, { timeout: 2_000 })).data.length).toBeGreaterThan(0);
    }
    await raw.close();
    expect(await ask('v1.parse', '[1]')).toBe('[1]');
  });

  test('a request has a time-out of its own', async () => {
    await start(strategy());
    expect(isDtaError(await ask('v1.slow', '', 100).catch((error: unknown) => error), 'timeout')).toBe(true);
    release();
  });

  // The NATS server of Nest drops what is in work.
  test('close lets what is in work finish and be answered', async () => {
    const gates = { gate: new Gate(), waiterGate: waiterGate() };
    const app = await start(strategy(gates));
    const outcomes = [ask('v1.slow'), ask('internal.await')];
    await until(() => gates.gate.load.inWork === 1 && gates.waiterGate.load.inWork === 1);
    const closing = app.close();
    await until(async () => isDtaError(await refusal('v1.echo'), 'service_unavailable'));
    release();
    expect(await Promise.all(outcomes)).toEqual(['finished', 'waited']);
    await closing;
  });

  test('one gate stands before all patterns but those of waiters', async () => {
    const gates = { gate: new Gate({ inWork: 1, queued: 0 }), waiterGate: waiterGate() };
    await start(strategy(gates));
    const slow = ask('v1.slow');
    const waiters = [ask('v1.await'), ask('v1.await')];
    await until(() => gates.gate.load.inWork === 1 && gates.waiterGate.load.inWork === 2);
    expect(isDtaError(await refusal('internal.echo'), 'busy')).toBe(true);
    release();
    expect(await Promise.all([slow, ...waiters])).toEqual(['finished', 'waited', 'waited']);
  });

  test('a handler that begins to wait gives its place in work to others, or keeps it where no more can wait', async () => {
    const gates = { gate: new Gate({ inWork: 1, queued: 0 }), waiterGate: waiterGate({ inWork: 1 }) };
    await start(strategy(gates));
    const waiting = ask('v1.begin');
    await until(() => gates.waiterGate.load.inWork === 1);
    expect(gates.gate.load.inWork).toBe(0);
    expect(await ask('v1.begin')).toBe('begun');
    const slow = ask('v1.slow');
    await until(() => gates.gate.load.inWork === 1);
    release();
    expect(await Promise.all([waiting, slow])).toEqual(['begun, and waited', 'finished']);
    expect([gates.gate.load, gates.waiterGate.load]).toEqual(Array(2).fill({ inWork: 0, queued: 0 }));
  });

  test('a fault while it begins to serve rejects listen and leaves nothing served', async () => {
    const bad = strategy({ subjects: (pattern) => [pattern === 'await' ? 'not a subject' : `v1.${pattern}`] });
    await expect(start(bad)).rejects.toMatchObject({ code: 'request_invalid' });
    expect(isDtaError(await refusal('v1.echo'), 'service_unavailable')).toBe(true);
    await expect(start(strategy(), EventRole)).rejects.toMatchObject({ code: 'start_failed' });
  });
});
