import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { cidOf, type Cid } from '@dta/codec';
import { peerSubject } from '@dta/contracts';
import { randomBytes } from '@dta/crypto';
import { encodeBundle } from '@dta/envelope';
import { DtaError, toDtaError } from '@dta/errors';
import { createLogger } from '@dta/service';
import { Controller, Module } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import type { TransportMessage } from '@dta/transport';
import { createRefusalLog, type RefusalLog } from '../src/refusal-log.js';
import { lastErrorOf, readLastError } from '../src/last-error.js';
import {
  Inbox,
  InternalInbox,
  NODE,
  NodeController,
  openNode,
  OrderTable,
  serveRole,
  type Node,
} from '../src/index.js';
import { cast, member, RoleRig, WiredParties, type Cast, type Member } from './testing/index.js';

type Line = Record<string, unknown>;

const linesOf = (logged: readonly string[]): Line[] =>
  // every line of a log is an object
  logged.map((line) => JSON.parse(line) as Line).filter(({ msg }) => msg === 'a message was refused');

describe('a log of refusals', () => {
  let now = 0;
  const logged: string[] = [];
  const log = createLogger({ name: 'test', destination: { write: (line: string) => logged.push(line) } });
  let refusals: RefusalLog;
  const lines = () => linesOf(logged.splice(0));
  const refuse = (peer: Cid, code: 'identity_not_admitted' | 'deal_invalid' | 'time_ahead', order: Cid | null = null) =>
    refusals.refused(
      { verb: 'accept', peer, isVerified: code === 'deal_invalid', order },
      new DtaError(code, 'the reason'),
    );
  const name = (of: number) => cidOf(Uint8Array.of(of));

  beforeAll(() => {
    refusals = createRefusalLog(log, 'fiduciary', () => now);
  });

  test('has one line of a peer and a code in a minute, with what to do', () => {
    for (let times = 0; times < 50; times++) refuse(name(1), 'time_ahead');
    expect(lines()).toEqual([
      expect.objectContaining({
        ...{
          level: 'warn',
          role: 'fiduciary',
          peer: name(1),
          verb: 'accept',
          code: 'time_ahead',
          reason: 'the reason',
        },
        toDo: expect.stringContaining('compare the clocks'),
        isVerified: false,
      }),
    ]);
    now += 60_001;
    refuse(name(1), 'time_ahead');
    expect(lines()).toMatchObject([{ code: 'time_ahead', leftOut: 49 }]);
  });

  test('has ten lines a minute of strangers, whatever they are called, and then still those of peers', () => {
    now += 60_001;
    for (let at = 0; at < 200; at++) refuse(name(at), 'identity_not_admitted');
    expect(lines()).toHaveLength(10);
    refuse(name(1), 'deal_invalid', name(7));
    refuse(name(1), 'deal_invalid', name(8));
    refuse(name(1), 'deal_invalid', name(8));
    expect(lines()).toMatchObject([
      { level: 'info', code: 'deal_invalid', orderReference: name(7), leftOut: 190 },
      { code: 'deal_invalid', orderReference: name(8) },
    ]);
  });

  test('has a bound for admitted peers too', () => {
    now += 60_001;
    for (let at = 0; at < 2_000; at++) refuse(name(1), 'deal_invalid', cidOf(randomBytes(8)));
    expect(lines()).toHaveLength(600);
  });
});

describe('a role that refuses a peer', () => {
  let rig: RoleRig;
  let members: Cast;
  let node: Node;
  let stranger: Member;

  /** A role with one verb, that no step follows from. */
  @Controller()
  class OneVerb {
    @MessagePattern('peer.accept')
    accept(@Payload() { payload }: TransportMessage): Promise<Uint8Array> {
      const encode = () => {
        throw new Error('no step is taken');
      };
      const orders = new OrderTable<{ state: string }>(node, { encode, decode: encode });
      return new Inbox({ ...node, orders }).answer('accept', payload, async () => {
        throw new DtaError('deal_invalid', 'not in this test');
      });
    }
  }

  @Module({})
  class Bare {
    static of(of: Node) {
      const providers = [
        { provide: NODE, useValue: of },
        { provide: InternalInbox, useValue: InternalInbox.of(of) },
      ];
      return { module: Bare, controllers: [NodeController, OneVerb], providers };
    }
  }

  beforeAll(async () => {
    rig = await RoleRig.open();
    members = await cast();
    stranger = await member('Q', 'principal');
    const options = await rig.prepare(members.f1, 'fiduciary', [stranger.identity]); // the other way round: P is none
    await rig.start(async (given: typeof options, parts) => {
      node = await openNode(given, parts);
      return serveRole(node, Bare.of(node), () => []);
    }, options);
  });

  afterAll(() => rig.close());

  test('says so in its log, once: whom, which verb, why, what to do; and tells the peer whose list lacks whom', async () => {
    const parties = new WiredParties(rig, members);
    parties.held.add('accept');
    await parties.place();
    const payload = await parties.pack(parties.message('accept', 1));
    const [f1, p] = [members.f1.identity.cid, members.p.identity.cid];
    rig.logged.length = 0;
    for (let times = 0; times < 5; times++) {
      const error = await rig.request(f1, 'fiduciary', 'accept', payload).catch(toDtaError);
      expect(error).toMatchObject({ code: 'identity_not_admitted', metadata: { list: f1, identity: p } });
      expect(readLastError(lastErrorOf(error, f1))).toEqual({
        lastError: 'identity_not_admitted',
        detail: `the admission list of ${f1} lacks ${p}`,
      });
    }
    expect(linesOf(rig.logged)).toEqual([
      expect.objectContaining({
        ...{ role: 'fiduciary', peer: p, verb: 'accept', code: 'identity_not_admitted', lacks: p, isVerified: false },
        toDo: expect.stringContaining('POST /v1/identity'),
      }),
    ]);
  });

  test.each(['accept', 'identity'])('says so of verb %s, of bytes that are no message too', async (verb) => {
    rig.logged.length = 0;
    const noMessage = encodeBundle({ envelopes: [randomBytes(90)], attachments: [], identities: [] });
    await expect(
      rig.transport.request(peerSubject(members.f1.identity.cid, 'fiduciary', verb), noMessage, { timeoutMs: 20_000 }),
    ).rejects.toThrow();
    expect(linesOf(rig.logged)).toMatchObject([{ verb, peer: null }]);
  });

  test('says so of a gateway that has another key, with what to do', async () => {
    rig.logged.length = 0;
    const call = rig.call(node.options, members.f1, 'status', {}, { psk: randomBytes(32) });
    await expect(call).rejects.toThrow();
    expect(linesOf(rig.logged)).toMatchObject([
      { verb: 'status', code: 'unauthenticated', toDo: expect.stringContaining('INTERNAL_KEY') },
    ]);
  });
});

test('what a peer says of itself is kept only where it is a name', () => {
  const [party, other] = [cidOf(Uint8Array.of(1)), cidOf(Uint8Array.of(2))];
  const error = (metadata: Record<string, string | boolean>) =>
    new DtaError('identity_not_admitted', 'words of a peer', { metadata });
  const kept = (metadata: Record<string, string | boolean>) => readLastError(lastErrorOf(error(metadata), party));
  const alone = { lastError: 'identity_not_admitted', detail: null };
  expect(kept({ remote: true, list: other, identity: other })).toEqual({
    ...alone,
    detail: `the admission list of ${party} lacks ${other}`,
  });
  expect(kept({ list: other, identity: party }).detail).toBe(`the admission list of ${other} lacks ${party}`);
  expect(kept({ remote: true, list: other, identity: 'come to http://evil' })).toEqual(alone);
  expect(kept({ remote: true })).toEqual(alone); // not named by the order
  expect(
    readLastError(lastErrorOf(new DtaError('timeout', 'x', { metadata: { list: other, identity: other } }), party)),
  ).toEqual({ lastError: 'timeout', detail: null });
  expect(readLastError(null)).toEqual({ lastError: null, detail: null });
});
