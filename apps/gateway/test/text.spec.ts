import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startSetup, type Setup } from './http.js';
import { ask, head } from './wire.js';

let setup: Setup;
beforeAll(async () => {
  setup = await startSetup();
});
afterAll(() => setup.stop());
afterEach(() => setup.roles.reset());

const type = { json: 'application/json', utf8: 'application/json; charset=utf-8' };
const order = (raw: string | Uint8Array, contentType = type.json) =>
  setup.http('/v1/order', { raw, headers: { 'Content-Type': contentType } });
const placed = () => setup.roles.seen.at(-1)?.served.params as { extension: Record<string, unknown> } | undefined; // by the call's schema

describe('a text in a body', () => {
  it.each([
    ['in Latin-1', Buffer.from('{"extension":{"plainText":"caf\xe9"}}', 'latin1'), 'not UTF-8'],
    ['cut in a character', Buffer.from('{"extension":{"plainText":"caf\xc3"}}', 'latin1'), 'not UTF-8'],
    ['in overlong UTF-8', Buffer.from('{"extension":{"plainText":"\xc0\xaf"}}', 'latin1'), 'not UTF-8'],
    ['with a surrogate in UTF-8', Buffer.from('{"extension":{"plainText":"\xed\xa0\x80"}}', 'latin1'), 'not UTF-8'],
    ['in UTF-16', Buffer.from('\ufeff{"extension":{}}', 'utf16le'), 'not UTF-8'],
  ])('%s is refused, and nothing is placed', async (_, raw, sentence) => {
    expect(await order(raw)).toMatchObject({
      ...{ status: 400, body: { code: 'request_invalid', detail: expect.stringContaining(sentence) } },
    });
    expect(setup.roles.seen).toEqual([]);
  });

  it.each([
    ['{"extension":{"plainText":"\\ud800"}}', 'extension.plainText'],
    ['{"extension":{"plainText":"\\udc00\\ud800"}}', 'extension.plainText'],
    ['{"extension":{"list":["fine",{"deep":"x\\udfffy"}]}}', 'extension.list.1.deep'],
    ['{"extension":{"\\ud800":1}}', 'extension'],
  ])('that is half a surrogate pair by its escape is refused where it stands: %s', async (raw, path) => {
    const { status, body } = await order(raw);
    expect({ status, code: body['code'] }).toEqual({ status: 400, code: 'request_invalid' });
    expect(body['errors']).toEqual([{ path, message: expect.stringContaining('half a surrogate pair') }]);
    expect(setup.roles.seen).toEqual([]);
  });

  it.each([
    ['of ASCII', 'plain'],
    ['beyond ASCII', 'café'],
    ['beyond the basic plane', '𝄞 and 🜁'],
    ['not normalised', 'cafe\u0301'],
    ['with a zero', 'a\u0000b'],
    ['with noncharacters', '\ufffe\uffff'],
    ['with the replacement character itself', '\ufffd'],
    ['with U+FEFF inside', 'a\ufeffb'],
  ])('%s arrives as it was sent, in bytes or by escapes', async (_, text) => {
    const escaped = [...Array(text.length).keys()].map(
      (at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`,
    );
    const bytes = text.includes('\u0000') ? [] : [`{"extension":{"text":"${text}","${text}":1}}`];
    for (const raw of [...bytes, `{"extension":{"text":"${escaped.join('')}","${escaped.join('')}":1}}`]) {
      expect((await order(Buffer.from(raw))).status).toBe(200);
      expect(placed()?.extension).toEqual({ text, [text]: 1 });
    }
  });

  it('is never taken for another: a name that stands twice is refused, also by escapes', async () => {
    for (const raw of [
      '{"extension":{"plainText":"a","plainText":"b"}}',
      '{"extension":{"plainText":"a","plain\\u0054ext":"b"}}',
      '{"threshold":1,"extension":{},"threshold":1}',
      '{"extension":{"list":[{"a":1},{"a":{"b":1,"c":"}","b":2}}]}}',
    ]) {
      expect(await order(raw)).toMatchObject({
        ...{ status: 400, body: { code: 'request_invalid', detail: expect.stringContaining('twice') } },
      });
    }
    expect(setup.roles.seen).toEqual([]);
    expect((await order('{"extension":{"a":{"a":"\\"a\\":1"},"b":[{"a":1},{"a":2}],"c":"a"}}')).status).toBe(200);
  });

  it('that is a number is whole, and not a zero with a sign that would be lost', async () => {
    for (const number of ['1.5', '1e400', '9007199254740993', '-0']) {
      expect((await order(`{"extension":{"a":${number}}}`)).status).toBe(400);
    }
  });

  it.each(['0.99999999999999999999', '9007199254740991.4', '1e-400', '-1e-400', '5e-1', '1e3', '10.0', '-0', '1E+2'])(
    'that is the number %s is refused, not signed as another',
    async (number) => {
      for (const raw of [
        `{"extension":{"a":[${number}]}}`,
        `{"threshold":${number}}`,
        `{"extension":{"a": ${number} }}`,
      ])
        expect(await order(raw)).toMatchObject({ status: 400, body: { code: 'request_invalid' } });
      expect(setup.roles.seen).toEqual([]);
      const quoted = `"${number}"`;
      expect((await order(`{"extension":{"a":${quoted},${quoted}:1}}`)).status).toBe(200);
    },
  );

  it.each([0, 7, -7, 9007199254740991, -9007199254740991])('that is the number %d arrives as it is', async (number) => {
    expect((await order(`{"extension":{"a":[${number},{"b":${number}}]}}`)).status).toBe(200);
    expect(placed()?.extension).toEqual({ a: [number, { b: number }] });
  });
});

describe('the charset of a body', () => {
  it.each(['latin1', 'iso-8859-1', 'windows-1252', 'utf-16', 'utf-16le', 'utf-32', 'utf-7', 'us-ascii', 'utf-8x', ''])(
    'other than UTF-8 is refused: %j',
    async (charset) => {
      const answer = await order('{}', `application/json; charset="${charset}"`);
      expect(answer).toMatchObject({ status: 415, body: { code: 'request_invalid' } });
      expect(answer.body['detail']).toMatch(/UTF-8/);
      expect(setup.roles.seen).toEqual([]);
    },
  );

  it.each([type.json, type.utf8, 'application/json;charset=UTF-8', 'Application/JSON; charset="utf-8"'])(
    'may be left out or said: %s',
    async (contentType) => {
      expect((await order('{}', contentType)).status).toBe(200);
    },
  );
});

describe('a byte order mark before the document', () => {
  it('is ignored, once, as RFC 8259 allows in section 8.1', async () => {
    expect((await order(Buffer.from('\ufeff{"extension":{"a":"b"}}'))).status).toBe(200);
    expect(placed()?.extension).toEqual({ a: 'b' });
    expect(await order(Buffer.from('\ufeff\ufeff{}'))).toMatchObject({
      status: 400,
      body: { code: 'request_invalid' },
    });
  });
});

describe('the bytes of an Idempotency-Key', () => {
  const placing = (key: string) =>
    Buffer.from(
      `${head('POST /v1/order', 'Host: x', `Content-Type: ${type.json}`, `Idempotency-Key: ${key}`, 'Content-Length: 2')}{}`,
      'latin1',
    );

  it.each(['caf\xe9', 'caf\xc3\xa9', '\xff', 'a b', 'a\tb', 'a'.repeat(256), ''])(
    'beyond the rule are refused: %j',
    async (key) => {
      expect(await ask(setup.gateway.port, placing(key))).toMatchObject({ status: 400, code: 'request_invalid' });
      expect(setup.roles.seen).toEqual([]);
    },
  );

  it('arrive as they were sent', async () => {
    const key = Array.from({ length: 94 }, (_, at) => String.fromCharCode(0x21 + at)).join('');
    expect((await ask(setup.gateway.port, placing(key))).status).toBe(200);
    expect(setup.roles.seen.at(-1)?.served.params).toMatchObject({ idempotencyKey: key });
  });
});
