import { describe, expect, it } from '@jest/globals';
import { ascii, cidOf, decodeCanonical, decodeDocument, encodeCanonical, encodeDocument } from '@dta/codec';
import type { z } from 'zod';
import {
  callBodySchema,
  callReplySchema,
  internalCalls,
  internalSubject,
  peerSubject,
  queueGroup,
  verbOf,
  type InternalCall,
  type ParamsOf,
  type ResultOf,
} from '../src/index.js';

const cid = cidOf(ascii('any'));
const commitment = new Uint8Array(33).fill(2);
const view: ResultOf<'principal.get-order'> = {
  ...{ orderReference: cid, plugin: 'milagro', state: 'dealing', commitment: null, createdAt: 1, setupBy: 2 },
  ...{ keepUntil: null, beneficiary: cid, beneficiaryIsOwn: false, threshold: 2 },
  fiduciaries: [{ idDocumentCID: cid, state: 'accepted', lastError: 'timeout: no reply', detail: null }],
  waitingFor: [{ party: cid, role: 'fiduciary', lastError: null, detail: null }],
  failure: { reason: 'setup_expired', owing: [{ party: cid, lastError: null, detail: null }] },
  extension: { note: ['x', 1, null, true] },
  pluginError: 'plugin_timeout',
  envelopes: [{ cid, published: true }],
  timeline: [{ at: 3, event: 'place' }],
};
const progress: ResultOf<'principal.place-order'> = {
  ...{
    orderReference: cid,
    state: 'dealing',
    commitment: null,
    createdAt: 1,
    beneficiary: cid,
    beneficiaryIsOwn: false,
  },
  ...{ waitingFor: view.waitingFor, failure: view.failure, extension: view.extension, pluginError: view.pluginError },
};
const identity = { idDocumentCID: cid, name: 'x', roles: ['principal' as const, 'beneficiary' as const], own: true };

const examples: { [V in InternalCall]: { params: ParamsOf<V>; result: ResultOf<V> } } = {
  'principal.place-order': {
    params: {
      ...{ plugin: 'milagro', fiduciaries: [cid], beneficiary: null, threshold: 1, single: false, minDealers: null },
      ...{ setupBy: 5, keepUntil: null, rules: { notBefore: null, maxReleases: 3, waitSeconds: null } },
      ...{ extension: {}, idempotencyKey: 'key', waitMs: 1_000 },
    },
    result: progress,
  },
  'principal.await-order': {
    params: { orderReference: cid, until: 'committed', waitMs: 60_000 },
    result: { ...progress, state: 'committed', commitment, failure: null },
  },
  'principal.await-events': {
    params: { orderReference: cid, after: 0, waitMs: 15_000 },
    result: { events: [{ id: 1, at: 1, event: 'requested' }], ended: false },
  },
  'principal.redeem-order': {
    params: { orderReference: cid, beneficiary: cid, extension: { v: '00' }, idempotencyKey: null, waitMs: 0 },
    result: { ...progress, state: 'releasing', commitment },
  },
  'principal.get-order': { params: { orderReference: cid }, result: view },
  'principal.list-orders': {
    params: {
      ...{ after: { createdAt: 1, ref: cid }, page: 0, perPage: 20 },
      ...{ sortBy: 'dateCreatedDsc', state: null, beneficiary: null },
    },
    result: {
      orders: [
        {
          ...{ orderReference: cid, state: 'released', commitment, createdAt: 1, beneficiary: cid },
          ...{ threshold: 2, fiduciaries: 3 },
        },
      ],
      unreadable: [cid],
      total: 1,
      next: { createdAt: 1, ref: cid },
    },
  },
  'beneficiary.reveal-secret': {
    params: { orderReference: cid, extension: null },
    result: { secret: new Uint8Array(32), commitment, orderReference: cid, extension: { address: '1' } },
  },
  status: {
    params: {},
    result: {
      ...{ nodeCID: cid, role: 'fiduciary', name: 'f', extensionVendor: 'Milagro', plugin: 'milagro' },
      plugins: [
        {
          name: 'p',
          apiVersion: 1,
          schemas: { order: '{}', request: '{}', placed: '{}', redemption: '{}', redeemed: '{}' },
        },
      ],
      ...{ custody: 'software', custodyErases: false, ready: true, parts: { postgres: 'up' }, degraded: {} },
    },
  },
  'log-head': { params: {}, result: { role: 'fiduciary', nodeCID: cid, head: { seq: 7, segment: cid } } },
  'list-identities': { params: { role: 'fiduciary' }, result: { identities: [identity] } },
  'get-identity': {
    params: { idDocumentCID: cid },
    result: {
      ...identity,
      ...{ admitted: true, standing: 'sound', document: Uint8Array.of(1), prev: null },
      keys: { sign: new Uint8Array(32), kem: new Uint8Array(1216) },
    },
  },
  'admit-identity': { params: { documents: [Uint8Array.of(1)], idDocumentCID: null }, result: { idDocumentCID: cid } },
};

const bad: { [V in InternalCall]: object[] } = {
  'principal.place-order': [
    { threshold: 33 },
    { fiduciaries: [] },
    { fiduciaries: Array(33).fill(cid) },
    { idempotencyKey: '' },
    { rules: {} },
    { extension: null },
    { setupBy: 1.5 },
    { waitMs: 60_001 },
  ],
  'principal.await-order': [{ until: 'failed' }, { waitMs: 60_001 }, { orderReference: 'x' }],
  'principal.await-events': [{ after: -1 }, { after: 1.5 }, { waitMs: 60_001 }, { until: 'committed' }],
  'principal.redeem-order': [{ beneficiary: 'x' }, { idempotencyKey: 'k'.repeat(256) }, { waitMs: 60_001 }],
  'principal.get-order': [{ orderReference: null }],
  'principal.list-orders': [{ page: -1 }, { perPage: 0 }, { perPage: 1_001 }, { sortBy: 'x' }, { state: 'lost' }],
  'beneficiary.reveal-secret': [{ orderReference: null }, { extension: 1 }],
  status: [{ more: 1 }],
  'log-head': [{ role: 'fiduciary' }],
  'list-identities': [{ role: 'king' }],
  'get-identity': [{ idDocumentCID: 'x' }],
  'admit-identity': [{ documents: [] }, { documents: [new Uint8Array(16 * 1024 + 1)] }, { idDocumentCID: 'x' }],
};

/** As a newer version says it: a field more in each map whose names are the schema's. */
function withMore(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withMore);
  if (typeof value !== 'object' || value === null || value.constructor !== Object) return value; // bytes, links
  const entries = Object.entries(value).map(([name, inner]) => [name, open.has(name) ? inner : withMore(inner)]);
  return { ...Object.fromEntries(entries), more: 1 };
}
/** Whose names are anyone's, so that none is unknown. */
const open: ReadonlySet<string> = new Set(['extension', 'parts', 'degraded']);

const calls = Object.keys(internalCalls) as InternalCall[]; // its own keys
const around = { caller: { token: null }, requestId: 'request', traceparent: null };
// Widened, so that one call after another fits.
const bodyOf = (call: InternalCall): z.ZodType => callBodySchema(call);
const replyOf = (call: InternalCall): z.ZodType => callReplySchema(call);
const resultOf = (call: InternalCall): z.ZodType => internalCalls[call].result;

describe.each(calls)('%s', (call) => {
  const { params, result } = examples[call];

  it('travels as DAG-CBOR and arrives as it was', () => {
    const body = bodyOf(call);
    const sent = { ...around, params };
    expect(decodeDocument(body, encodeDocument(body, sent), 1e6)).toEqual(sent);
    const reply = replyOf(call);
    expect(decodeDocument(reply, encodeDocument(reply, { result }), 1e6)).toEqual({ result });
  });

  it('refuses other parameters', () => {
    for (const change of bad[call]) {
      const sent = { ...around, params: { ...params, ...change } };
      expect(bodyOf(call).safeParse(sent).success).toBe(false);
      expect(() => encodeDocument(bodyOf(call), sent)).toThrow();
    }
  });

  it('refuses a parameter that it does not know: it could bound what is asked', () => {
    const raw = decodeCanonical(encodeDocument(bodyOf(call), { ...around, params }), 1e6) as { params: object }; // a body
    const body = { ...raw, params: { ...raw.params, more: 1 } };
    expect(() => decodeDocument(bodyOf(call), encodeCanonical(body), 1e6)).toThrow('form');
  });

  it('drops fields of a result that it does not know, at any depth', () => {
    const raw = decodeCanonical(encodeDocument(replyOf(call), { result }), 1e6);
    expect(decodeDocument(replyOf(call), encodeCanonical(withMore(raw)), 1e6)).toEqual({ result });
  });

  it('refuses a result with anything missing', () => {
    const schema = resultOf(call);
    for (const name of Object.keys(result)) {
      const rest = Object.fromEntries(Object.entries(result).filter(([key]) => key !== name));
      expect(schema.safeEncode(rest).success).toBe(false);
    }
  });
});

it("a state that this version doesn't know travels as it is", () => {
  const schema = callReplySchema('principal.get-order');
  const reply = { result: { ...view, state: 'complaining' } };
  expect(decodeDocument(schema, encodeDocument(schema, reply), 1e4)).toEqual(reply);
});

it('an error travels as code, message and metadata', () => {
  const schema = callReplySchema('status');
  const reply = { error: { code: 'busy', message: 'later', metadata: { retryAfterMs: 5, list: ['a', 1] } } };
  expect(decodeDocument(schema, encodeDocument(schema, reply), 1e4)).toEqual(reply);
  expect(() => decodeDocument(schema, encodeCanonical({ error: { code: 'busy' } }), 1e4)).toThrow();
  expect(() => decodeDocument(schema, encodeCanonical({ ...reply, result: {} }), 1e4)).toThrow();
});

it('a token has an end, a request a name', () => {
  const schema = callBodySchema('status');
  const sent = { ...around, params: {} };
  expect(schema.safeDecode(sent).success).toBe(true);
  expect(schema.safeDecode({ ...sent, requestId: '' }).success).toBe(false);
  expect(schema.safeDecode({ ...sent, caller: { token: 'a'.repeat(8_193) } }).success).toBe(false);
  expect(bodyOf('status').safeParse({ ...sent, caller: {} }).success).toBe(false);
});

it('subjects name node, role and verb', () => {
  expect(peerSubject(cid, 'fiduciary', 'deal')).toBe(`dta.v1.${cid}.fiduciary.deal`);
  expect(internalSubject(cid, 'principal', verbOf('principal.place-order'))).toBe(
    `dta.internal.${cid}.principal.place-order`,
  );
  expect(verbOf('status')).toBe('status');
  expect(queueGroup('beneficiary')).toBe('dta-beneficiary');
});
