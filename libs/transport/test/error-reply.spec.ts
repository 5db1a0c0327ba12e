import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DtaError } from '@dta/errors';
import { cpuOf, priceIn } from '@dta/testkit';
import { decodeErrorReply, encodeErrorReply } from '../src/error-reply.js';

const body = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

describe('error reply', () => {
  test('busy carries Retry-After-Ms in header and metadata', () => {
    const reply = encodeErrorReply(new DtaError('busy', 'full', { metadata: { retryAfterMs: 250.5 } }));
    expect(reply.headers).toEqual({ 'Dta-Error': 'busy', 'Retry-After-Ms': '251' });
    expect(JSON.parse(new TextDecoder().decode(reply.payload))).toEqual({
      code: 'busy',
      message: 'full',
      metadata: { retryAfterMs: 250.5 },
    });
  });

  test('the header is enough, and nobody can make us wait longer than a minute', () => {
    const fromHeader = (value: string) =>
      decodeErrorReply({ headers: { 'Dta-Error': 'busy', 'Retry-After-Ms': value }, payload: body({}) })?.metadata;
    expect(fromHeader('70')).toEqual({ retryAfterMs: 70, remote: true });
    expect(fromHeader('999999999')).toEqual({ retryAfterMs: 60_000, remote: true });
    for (const odd of ['', '-1', '1e9', 'soon']) expect(fromHeader(odd)).toEqual({ remote: true });
    const negative = body({ metadata: { retryAfterMs: -5 } });
    expect(decodeErrorReply({ headers: { 'Dta-Error': 'busy' }, payload: negative })?.metadata['retryAfterMs']).toBe(0);
  });

  test('an unknown code becomes internal with remoteCode', () => {
    const payload = body({ code: 'flux_low', message: 'm', metadata: { a: 1, remote: false } });
    const error = decodeErrorReply({ headers: { 'Dta-Error': 'flux_low' }, payload });
    expect(error?.toJSON()).toEqual({
      code: 'internal',
      message: 'm',
      metadata: { a: 1, remote: true, remoteCode: 'flux_low' },
    });
  });

  test('metadata that isn’t plain is left out, and reaches no prototype', () => {
    const payload = new TextEncoder().encode(
      '{"message":"a\\u001b[2Jb","metadata":{"__proto__":{"x":1},"deep":{"a":1},"list":[1,{"a":1},"s",null],"ok":true}}',
    );
    const error = decodeErrorReply({ headers: { 'Dta-Error': 'forbidden' }, payload });
    expect(error?.message).toBe('a [2Jb');
    expect(error?.metadata).toEqual({ list: [1, 's'], ok: true, remote: true });
    expect(Object.getPrototypeOf(error?.metadata)).toBe(Object.prototype);
  });

  test('metadata that breaks its type costs nobody the reply', () => {
    // @ts-expect-error: what a careless caller without types could do
    const error = new DtaError('internal', 'm', { metadata: { big: 1n, nan: NaN, deep: { a: 1 }, fine: 2 } });
    expect(JSON.parse(new TextDecoder().decode(encodeErrorReply(error).payload)).metadata).toEqual({ fine: 2 });
  });

  test('any code and any body give a DtaError', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.oneof(
          fc.uint8Array({ maxLength: 300 }),
          fc.json().map((json) => Buffer.from(json)),
        ),
        (code, payload) => {
          const error = decodeErrorReply({ headers: { 'Dta-Error': code }, payload });
          expect(error).toBeInstanceOf(DtaError);
          expect(error?.metadata['remote']).toBe(true);
        },
      ),
    );
    expect(decodeErrorReply({ headers: {}, payload: body({ code: 'busy' }) })).toBeUndefined();
  });
});

test('a nasty error costs at most ten honest ones', () => {
  const text = (value: unknown) => Buffer.from(JSON.stringify(value));
  const read = (payload: Uint8Array) => decodeErrorReply({ headers: { 'Dta-Error': 'busy' }, payload });
  const entries = <T>(count: number, entry: (at: number) => [string, T]) =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => entry(at)));
  const values = Array.from({ length: 30 }, () => 'x'.repeat(12));
  const honest = text({ code: 'busy', message: 'm', metadata: entries(30, (at) => [`a${at}`, values]) });
  const bodies = {
    'names in no order': text({ metadata: entries(1_500, (at) => [`é${(at * 7) % 1_500}`, 0]) }),
    'numbers for names': text({ metadata: entries(900, (at) => [String(4_000_000_000 + 1_000 * at), 0]) }),
    'lists in lists': Buffer.from(`{"metadata":${'['.repeat(8_000)}${']'.repeat(8_000)}}`),
    'lists of control characters': text({ metadata: { a: Array.from({ length: 32 }, () => '\n'.repeat(250)) } }),
    'a list of numbers': text({ metadata: { a: Array.from({ length: 7_500 }, () => 0) } }),
    'a long message': text({ message: '\n'.repeat(8_000) }),
    'lists that do not end': Buffer.alloc(16_000, '['),
    'more than is read': Buffer.alloc(2 * 1024 * 1024, ' '),
  };
  cpuOf(() => read(honest), 100); // so that both sides of a pair are compiled
  for (const [kind, body] of Object.entries(bodies)) {
    const price = priceIn(
      () => read(honest),
      () => read(body),
      10,
    );
    expect([kind, price < 10, price]).toEqual([kind, true, price]);
  }
});
