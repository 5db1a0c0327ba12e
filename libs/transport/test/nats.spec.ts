import { randomBytes } from 'node:crypto';
import { connect as dial, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { connect, headers as natsHeaders, nkeys, type Msg, type NatsConnection } from 'nats';
import { isDtaError } from '@dta/errors';
import { startNatsServer, type NatsServer, type NatsServerOptions } from '@dta/testkit';
import { connectNats, Gate, type NatsOptions, type NatsStatus, type Transport } from '@dta/transport';
import { transportCompliance } from '@dta/transport/compliance';

const minPayload = 1024 * 1024 + 64 * 1024;
const echo = async ({ payload }: { payload: Uint8Array }) => payload;
const empty = new Uint8Array();

let server: NatsServer;

beforeAll(async () => {
  server = await startNatsServer();
}, 300_000);

afterAll(() => server.stop());

// what a test opened ends with it, also where it fails: Jest would wait for it
const toEnd: (() => Promise<void>)[] = [];

async function launch(options?: NatsServerOptions): Promise<NatsServer> {
  const launched = await startNatsServer(options);
  toEnd.push(() => launched.kill());
  return launched;
}

async function join(servers: string, options: Partial<NatsOptions> = {}): Promise<Transport> {
  const transport = await connectNats({ servers: [servers], minPayload, drainMs: 500, ...options });
  toEnd.push(() => transport.close());
  return transport;
}

afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end();
});

describe('NATS transport', () => {
  for (const { name, run } of transportCompliance) {
    test(name, () => run((options) => connectNats({ servers: [server.url], minPayload, ...options })), 30_000);
  }
});

describe('bytes from outside', () => {
  let raw: NatsConnection;
  let transport: Transport;
  const errors: unknown[] = [];
  let calls = 0;

  beforeAll(async () => {
    raw = await connect({ servers: server.url });
    transport = await connectNats({ servers: [server.url], minPayload, onError: (error) => errors.push(error) });
    await transport.serve('garbage', { group: 'g', gate: new Gate() }, async ({ payload }) => {
      calls += 1;
      return payload;
    });
  });

  afterAll(async () => {
    await transport.close();
    await raw.close();
  });

  test('a message without reply subject never reaches the handler', async () => {
    raw.publish('garbage', 'not JSON {');
    raw.publish('garbage');
    await raw.flush();
    await transport.request('garbage', empty, { timeoutMs: 5_000 });
    expect(calls).toBe(1);
  });

  test('garbage is answered and harms nothing', async () => {
    for (const payload of [
      empty,
      Buffer.from('not JSON {'),
      new Uint8Array(2 * 1024 * 1024),
      Uint8Array.of(0, 255, 13, 10),
    ]) {
      const reply = await raw.request('garbage', payload, { timeout: 5_000 });
      expect(Buffer.from(reply.data).equals(Buffer.from(payload))).toBe(true);
    }
  });

  test('headers above 4 KiB are refused without a look at them, and so are those of a reply', async () => {
    const names = Array.from({ length: 10_000 }, (_, at) => `h${at}:\r\n`).join('');
    const replies = raw.subscribe('_INBOX.raw.headers', { max: 1 });
    await sendRaw(server.port, 'garbage', '_INBOX.raw.headers', `NATS/1.0\r\n${names}\r\n`, 'x');
    expect((await first(replies)).headers?.get('Dta-Error')).toBe('request_invalid');
    const subscription = raw.subscribe('wordy', {
      callback: (_error, { reply = '' }) =>
        void sendRaw(server.port, reply, undefined, `NATS/1.0\r\nDta-Error: busy\r\n${names}\r\n`, 'x'),
    });
    await raw.flush();
    const error: unknown = await transport.request('wordy', empty, { timeoutMs: 5_000 }).catch((e: unknown) => e);
    expect(isDtaError(error, 'internal') && error.message).toBe('the reply is malformed');
    subscription.unsubscribe();
  });

  test('of a header that comes twice the first counts, whatever its value', async () => {
    const inbox = '_INBOX.raw.twice';
    await transport.serve('headers', { group: 'g', gate: new Gate() }, async ({ headers }) =>
      Buffer.from(JSON.stringify(headers)),
    );
    const replies = raw.subscribe(inbox, { max: 1 });
    await sendRaw(server.port, 'headers', inbox, 'NATS/1.0\r\na:  1:2 \r\nb:\r\na: 2\r\n\r\n', 'x');
    expect(JSON.parse((await first(replies)).string())).toEqual({ a: '1:2', b: '' });
  });

  // The client library parses headers when they are first read and throws for these.
  test('malformed headers of a message are refused, and the subject goes on being served', async () => {
    for (const block of ['a b: c\r\n', ': \r\n', 'ü: 1\r\n', '\r\n\r\n', 'Dta-Error\r\n', 'a: \0\r\n', ' 503 \r\n']) {
      const inbox = `_INBOX.raw.${calls}.${block.length}`;
      const replies = raw.subscribe(inbox, { max: 1 });
      await sendRaw(server.port, 'garbage', inbox, `NATS/1.0\r\n${block}\r\n`, 'x');
      const reply = await first(replies);
      expect(['', 'request_invalid']).toContain(reply.headers?.get('Dta-Error') ?? '');
    }
    expect(await transport.request('garbage', Uint8Array.of(7), { timeoutMs: 5_000 })).toEqual(Uint8Array.of(7));
  });

  test('a malformed reply fails its own request only', async () => {
    let asked = 0;
    const subscription = raw.subscribe('liar', {
      callback: (_error, message) => {
        const payload = ['x', ''][asked++ % 2] ?? '';
        void sendRaw(server.port, message.reply ?? '', undefined, 'NATS/1.0 503\r\na b: c\r\n\r\n', payload);
      },
    });
    await raw.flush();
    for (let n = 0; n < 3; n += 1) {
      const error: unknown = await transport.request('liar', empty, { timeoutMs: 5_000 }).catch((e: unknown) => e);
      expect(isDtaError(error, 'internal')).toBe(true);
      expect(await transport.request('garbage', Uint8Array.of(n), { timeoutMs: 5_000 })).toEqual(Uint8Array.of(n));
    }
    subscription.unsubscribe();
  });

  test('an error reply with a foreign body is still a DtaError', async () => {
    const bodies = [empty, Buffer.from('{'), Buffer.from('null'), Buffer.from([255, 254]), new Uint8Array(1024 * 1024)];
    let n = 0;
    const subscription = raw.subscribe('liar', {
      callback: (_error, message) => {
        const headers = natsHeaders();
        headers.set('Dta-Error', n % 2 === 0 ? 'forbidden' : 'flux_low');
        message.respond(bodies[n], { headers });
      },
    });
    await raw.flush();
    for (; n < bodies.length; n += 1) {
      const error: unknown = await transport.request('liar', empty, { timeoutMs: 5_000 }).catch((e: unknown) => e);
      expect(isDtaError(error, n % 2 === 0 ? 'forbidden' : 'internal')).toBe(true);
    }
    subscription.unsubscribe();
  });
});

describe('connecting', () => {
  test('a server that takes less than the bundle limit is refused', async () => {
    const small = await launch({ maxPayload: 64 * 1024 });
    const error: unknown = await join(small.url).catch((e: unknown) => e);
    expect(isDtaError(error, 'start_failed') && error.metadata).toEqual({ maxPayload: 64 * 1024, minPayload });
  });

  test('no server within the time limit is one clear error, and a password in the address stays out of it', async () => {
    const options = { servers: ['nats://u:secret@127.0.0.1:1'], minPayload, connectTimeoutMs: 400 };
    const error: unknown = await connectNats(options).catch((e: unknown) => e);
    expect(isDtaError(error, 'start_failed') && error.message).toBe(
      'NATS at 127.0.0.1:1 could not be reached within 400 ms',
    );
  });

  test('a server without TLS that is asked for it is said to be one', async () => {
    const options = { servers: [server.url.replace('nats:', 'tls:')], minPayload, connectTimeoutMs: 400 };
    const error: unknown = await connectNats(options).catch((e: unknown) => e);
    expect(isDtaError(error, 'start_failed') && error.message).toMatch(
      /could not be reached by TLS \(.+\) within 400 ms/,
    );
  });

  test('a user is let in by the text of its credentials file, a JWT and an nkey, and no other is', async () => {
    const [operator, account] = [nkeys.createOperator(), nkeys.createAccount()];
    const [user, stranger] = [nkeys.createUser(), nkeys.createUser()];
    const config = `operator: ${jwt(operator, operator, 'operator')}
      resolver: MEMORY
      resolver_preload: { ${account.getPublicKey()}: ${jwt(operator, account, 'account')} }`;
    const closed = await launch({ config });
    const credentials = (of: typeof user, by: typeof account) =>
      `-----BEGIN NATS USER JWT-----\n${jwt(by, of, 'user')}\n------END NATS USER JWT------\n\n` +
      `-----BEGIN USER NKEY SEED-----\n${new TextDecoder().decode(of.getSeed())}\n------END USER NKEY SEED------\n`;
    const transport = await join(closed.url, { credentials: credentials(user, account) });
    await transport.serve('by.jwt', { group: 'g', gate: new Gate() }, echo);
    expect(await transport.request('by.jwt', Uint8Array.of(1), { timeoutMs: 5_000 })).toEqual(Uint8Array.of(1));
    const refused = join(closed.url, { credentials: credentials(stranger, nkeys.createAccount()) });
    await expect(refused).rejects.toThrow(/refused the credentials$/);
  });

  test('a port that says nothing is given up at the time limit', async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket));
    toEnd.push(async () => {
      sockets.forEach((socket) => socket.destroy());
      silent.close();
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const address = silent.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const begun = Date.now();
    const outcome = connectNats({ servers: [`nats://127.0.0.1:${port}`], minPayload, connectTimeoutMs: 500 });
    expect(isDtaError(await outcome.catch((e: unknown) => e), 'start_failed')).toBe(true);
    expect(Date.now() - begun).toBeLessThan(5_000);
  });

  test('it waits for a server that starts later', async () => {
    const first = await launch();
    await first.stop();
    const connecting = join(first.url);
    await launch({ port: first.port });
    const transport = await connecting;
    expect(transport.connected()).toBe(true);
  });

  test('a killed server that comes back is connected to again, and every subject is served again', async () => {
    const first = await launch();
    const statuses: NatsStatus[] = [];
    const onStatus = (status: NatsStatus) => statuses.push(status);
    const a = await join(first.url, { onStatus });
    const b = await join(first.url);
    await b.serve('again', { group: 'g', gate: new Gate() }, echo);
    await b.serve('never', { group: 'g', gate: new Gate() }, () => new Promise(() => undefined));
    const waiting = a.request('never', empty, { timeoutMs: 20_000 }).catch((e: unknown) => e);
    await a.request('again', empty, { timeoutMs: 5_000 });
    await first.kill();
    expect(isDtaError(await waiting, 'service_unavailable')).toBe(true);
    expect(a.connected()).toBe(false);
    const begun = Date.now();
    const refused: unknown = await a.request('again', empty, { timeoutMs: 5_000 }).catch((e: unknown) => e);
    expect(isDtaError(refused, 'service_unavailable')).toBe(true);
    expect(Date.now() - begun).toBeLessThan(2_500);
    await delay(2_500); // at least one attempt fails
    const second = await launch({ port: first.port });
    expect(await untilServed(a, 'again', Uint8Array.of(9))).toEqual(Uint8Array.of(9));
    await a.close();
    expect(statuses).toEqual(['disconnected', 'connected', 'closed']);
    await second.kill();
    const closing = Date.now();
    await b.close(); // a handler of `never` is in work and the server is gone
    expect(Date.now() - closing).toBeLessThan(10_000);
  }, 180_000);

  test('a server that comes back with a lower limit is of no use, and says by how much, until it has the old one', async () => {
    const first = await launch();
    const errors: unknown[] = [];
    const transport = await join(first.url, { onError: (error) => errors.push(error) });
    transport.assertUsable();
    await first.kill();
    await waitFor(() => !transport.connected());
    expect(() => transport.assertUsable()).toThrow(/no connection/);

    const second = await launch({ port: first.port, maxPayload: 64 * 1024 });
    await waitFor(() => transport.connected());
    expect(() => transport.assertUsable()).toThrow(
      expect.objectContaining({
        code: 'service_unavailable',
        metadata: expect.objectContaining({ reason: `max_payload ${64 * 1024}, needed ${minPayload}` }),
      }),
    );
    expect(errors).toContainEqual(expect.objectContaining({ message: expect.stringContaining('max_payload') }));
    await second.kill();
    await launch({ port: first.port });
    await waitFor(() => {
      try {
        return (transport.assertUsable(), true);
      } catch {
        return false;
      }
    });
  }, 180_000);

  test('closing without a server ends promptly', async () => {
    const gone = await launch();
    const transport = await join(gone.url);
    await transport.serve('a', { group: 'g', gate: new Gate() }, echo);
    await gone.kill();
    await transport.close();
    expect(transport.connected()).toBe(false);
  }, 120_000);
});

describe('accounts and permissions', () => {
  const config = `
    accounts {
      ONE { users: [{ user: one, password: one }], exports: [{ service: "dta.v1.>" }] }
      TWO { users: [
        { user: two, password: two }
        { user: narrow, password: narrow, permissions: { publish: ["dta.v1.>"], subscribe: ["_INBOX.>"] } }
      ], imports: [{ service: { account: ONE, subject: "dta.v1.>" } }] }
    }`;
  let walled: NatsServer;
  const as = (user: string) => join(walled.url, { user, password: user });

  beforeAll(async () => {
    walled = await startNatsServer({ config });
  });

  afterAll(() => walled.stop());

  test('another operator reaches dta.v1 and never dta.internal', async () => {
    const [one, two] = [await as('one'), await as('two')];
    for (const subject of ['dta.v1.n.principal.x', 'dta.internal.n.principal.x']) {
      await one.serve(subject, { group: 'g', gate: new Gate() }, echo);
    }
    expect(await two.request('dta.v1.n.principal.x', Uint8Array.of(1), { timeoutMs: 5_000 })).toEqual(Uint8Array.of(1));
    const error: unknown = await two
      .request('dta.internal.n.principal.x', empty, { timeoutMs: 5_000 })
      .catch((e: unknown) => e);
    expect(isDtaError(error, 'service_unavailable')).toBe(true);
  });

  test('what the server does not permit is an error at once', async () => {
    const narrow = await as('narrow');
    const sent: unknown = await narrow.request('dta.internal.x', empty, { timeoutMs: 9_000 }).catch((e: unknown) => e);
    expect(isDtaError(sent, 'forbidden')).toBe(true);
    const served: unknown = await narrow
      .serve('dta.v1.x', { group: 'g', gate: new Gate() }, echo)
      .catch((e: unknown) => e);
    expect(isDtaError(served, 'start_failed')).toBe(true);
    expect(narrow.connected()).toBe(true);
  });

  test('wrong credentials are refused at once', async () => {
    const begun = Date.now();
    const options = { servers: [walled.url], user: 'one', password: 'wrong-secret', minPayload };
    const error: unknown = await connectNats(options).catch((e: unknown) => e);
    expect(isDtaError(error, 'start_failed') && error.message).toMatch(/refused the credentials$/);
    expect(Date.now() - begun).toBeLessThan(5_000);
  });
});

async function waitFor(holds: () => boolean): Promise<void> {
  for (const limit = Date.now() + 60_000; !holds(); await delay(20)) {
    if (Date.now() > limit) throw new Error('it did not come about');
  }
}

type KeyPair = ReturnType<typeof nkeys.createUser>;

/** A JWT as NATS has it (ADR-14 of its architecture): claims about `subject`, signed by `issuer`'s nkey. */
function jwt(issuer: KeyPair, subject: KeyPair, type: 'operator' | 'account' | 'user'): string {
  const encoded = (value: object | Uint8Array) =>
    Buffer.from(value instanceof Uint8Array ? value : JSON.stringify(value)).toString('base64url');
  const limits = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };
  const nats = {
    type,
    version: 2,
    ...(type === 'account' && { limits }),
    ...(type === 'user' && { subs: -1, data: -1, payload: -1 }),
  };
  const claims = {
    ...{ jti: encoded(randomBytes(16)), iat: Math.floor(Date.now() / 1000), name: type },
    ...{ iss: issuer.getPublicKey(), sub: subject.getPublicKey(), nats },
  };
  const signed = `${encoded({ typ: 'JWT', alg: 'ed25519-nkey' })}.${encoded(claims)}`;
  return `${signed}.${encoded(issuer.sign(Buffer.from(signed)))}`;
}

/** Asks again until both sides have their connection back. */
async function untilServed(transport: Transport, subject: string, payload: Uint8Array): Promise<Uint8Array> {
  for (let left = 200; ; left -= 1) {
    try {
      return await transport.request(subject, payload, { timeoutMs: 5_000 });
    } catch (error) {
      if (left === 0 || !isDtaError(error, 'service_unavailable')) throw error;
      await delay(100);
    }
  }
}

async function first(messages: AsyncIterable<Msg>): Promise<Msg> {
  for await (const message of messages) return message;
  throw new Error('no message came');
}

/** Speaks the protocol by hand: the client library would refuse to send such headers. */
async function sendRaw(port: number, subject: string, reply: string | undefined, block: string, payload: string) {
  const socket = dial(port, '127.0.0.1');
  const total = Buffer.byteLength(block) + Buffer.byteLength(payload);
  const line = `HPUB ${subject} ${reply === undefined ? '' : `${reply} `}${Buffer.byteLength(block)} ${total}\r\n`;
  socket.write(`CONNECT {"verbose":false,"headers":true}\r\n${line}${block}${payload}\r\nPING\r\n`);
  await new Promise<void>((resolve) => socket.on('data', (text) => text.includes('PONG') && resolve()));
  socket.destroy();
}
