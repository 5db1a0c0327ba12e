import { describe, expect, it } from '@jest/globals';
import { ascii, cidOf, parseCid } from '@dta/codec';
import { errorCodes } from '@dta/errors';
import { Validator } from '@seriousme/openapi-schema-validator';
import { z } from 'zod';
import { cidText, internalCalls } from '../src/index.js';
import { openApiDocument, routes, statusOf, type Route } from '../src/rest/index.js';
import { base64Bytes, extension, hexBytes, instant, queryInteger, unixSeconds } from '../src/rest/values.js';

const cid = cidOf(ascii('any'));

function isCid(text: string): boolean {
  try {
    return parseCid(text) === text;
  } catch {
    return false;
  }
}

describe('values', () => {
  it('a CID is the canonical text of one of ours', () => {
    expect(cidText.parse(cid)).toBe(cid);
    expect(z.encode(cidText, cid)).toBe(cid);
    const sikeNode = 'QmVtNcPtZYh4Kd1jGYxLTBdXnmRk1RxCnGBYTmhTHVQxJS';
    for (const text of ['', cid.toUpperCase(), cid.slice(1), `${cid}a`, `${cid.slice(0, -1)}9`, sikeNode, ` ${cid}`]) {
      expect(cidText.safeParse(text).success).toBe(false);
    }
    const loose = [...'abcdefghijklmnopqrstuvwxyz234567'].map((last) => cid.slice(0, -1) + last);
    expect(loose.filter((text) => cidText.safeParse(text).success).length).toBeLessThan(32); // spare bits must be 0
  });

  it('a CID has in OpenAPI the pattern of what is taken, to its last character', () => {
    const parameters = openApiDocument().paths['/v1/order/{orderReference}']?.['get'] as { parameters: unknown }; // an operation of ours
    const [{ schema }] = parameters.parameters as [{ schema: { pattern: string } }]; // its one parameter
    const pattern = new RegExp(schema.pattern);
    const alphabet = [...'abcdefghijklmnopqrstuvwxyz234567'];
    const others = [
      ...alphabet.map((last) => cid.slice(0, -1) + last),
      ...alphabet.map((first) => `bafyrei${first}${cid.slice(8)}`),
      ...[cid, `${cid}\n`, ` ${cid}`, cid.toUpperCase(), cid.slice(1), `${cid}a`],
    ];
    for (const text of others) expect([text, pattern.test(text)]).toEqual([text, isCid(text)]);
    expect(others.filter(isCid).length).toBeGreaterThan(8);
  });

  it('bytes are lower-case hex of one length', () => {
    expect(hexBytes(2).parse('0aff')).toEqual(Uint8Array.of(10, 255));
    expect(z.encode(hexBytes(2), Uint8Array.of(10, 255))).toBe('0aff');
    for (const text of ['0AFF', '0af', '0aff00', 'zzzz', '']) expect(hexBytes(2).safeParse(text).success).toBe(false);
    expect(z.safeEncode(hexBytes(2), Uint8Array.of(1)).success).toBe(false);
  });

  it('a document is base64 up to its size', () => {
    expect(base64Bytes(3).parse('AQID')).toEqual(Uint8Array.of(1, 2, 3));
    expect(z.encode(base64Bytes(3), Uint8Array.of(1, 2, 3))).toBe('AQID');
    for (const text of ['AQIDBA==', 'A', '!!!!', 'AQI']) expect(base64Bytes(3).safeParse(text).success).toBe(false);
  });

  it('times are milliseconds inside', () => {
    expect(z.encode(unixSeconds, 1_999)).toBe(1);
    expect(unixSeconds.parse(1)).toBe(1_000);
    expect(instant.parse('1970-01-01T01:00:01+01:00')).toBe(1_000);
    expect(z.encode(instant, 1_000)).toBe('1970-01-01T00:00:01.000Z');
    for (const text of ['now', '1970-01-01', '1969-12-31T23:59:59Z', '1970-01-01T00:00:00', 1]) {
      expect(instant.safeParse(text).success).toBe(false);
    }
  });

  it('a number in a query is plain digits', () => {
    expect(queryInteger(0, 9).parse('7')).toBe(7);
    for (const text of ['', ' 7', '7.0', '1e0', '0x7', '-1', '10', ['7']]) {
      expect(queryInteger(0, 9).safeParse(text).success).toBe(false);
    }
  });

  it("a plugin's part has whole numbers only", () => {
    expect(extension.safeParse({ a: [1, { b: 'x', c: null, d: true }] }).success).toBe(true);
    for (const value of [{ a: 1.5 }, { a: [{ b: 2 ** 53 }] }, { a: -0 }, [], 'x', null]) {
      expect(extension.safeParse(value).success).toBe(false);
    }
  });
});

describe('bodies', () => {
  const place = routes.placeOrder.body;
  it.each([
    [{}, null],
    [{ beneficiaryIDDocumentCID: '' }, null],
    [{ beneficiaryIDDocumentCID: cid }, cid],
  ])('an order of %j', (body, beneficiary) => {
    const read = place.parse(body);
    expect(read.beneficiaryIDDocumentCID ?? null).toBe(beneficiary);
    expect(read).toMatchObject({ wait: 10 });
    expect(read.plugin).toBeUndefined();
  });

  it.each([
    ...[{ beneficiaryIDDocumentCID: null }, { beneficiaryIDDocumentCID: 'x' }, { fiduciaries: [] }, { threshold: 0 }],
    ...[{ threshold: '2' }, { plugin: 'Bitcoin wallet' }, { wait: 61 }, { wait: 0.5 }, { extension: [] }, { more: 1 }],
    ...[{ rules: { waitSeconds: 0 } }, { rules: { more: 1 } }, { keepUntil: 1_700_000_000 }, [], null, 'x'],
  ])('no order of %j', (body) => {
    expect(place.safeParse(body).success).toBe(false);
  });

  it('a redemption names its order', () => {
    expect(routes.redeemOrder.body.parse({ orderReference: cid, extension: { v: '00' } })).toMatchObject({ wait: 10 });
    expect(routes.redeemOrder.body.safeParse({}).success).toBe(false);
  });

  it('a secret is answered whole, or not at all', () => {
    const schema: z.ZodType = routes.redeemOrder.answers[200].schema;
    const commitment = new Uint8Array(33);
    const released = { orderReference: cid, commitment, state: 'released' as const };
    expect(z.encode(schema, released)).toEqual({ ...released, commitment: '00'.repeat(33) });
    const secret = { orderReference: cid, commitment, secret: new Uint8Array(32).fill(255) };
    expect(z.encode(schema, secret)).toMatchObject({ secret: 'ff'.repeat(32) });
    expect(z.safeEncode(schema, { ...secret, state: 'released' }).success).toBe(false);
  });

  it('an identity is admitted by document, documents or CID', () => {
    const { body } = routes.admitIdentity;
    expect(body.safeParse({ idDocumentCID: cid }).success).toBe(true);
    expect(body.parse({ document: 'AQID' }).document).toEqual(Uint8Array.of(1, 2, 3));
    expect(body.parse({ documents: ['AQID'] }).documents).toEqual([Uint8Array.of(1, 2, 3)]);
    const both = { document: 'AQID', documents: ['AQID'] };
    for (const value of [{}, { Name: 'AA' }, { document: '?' }, { documents: [] }, both])
      expect(body.safeParse(value).success).toBe(false);
  });
});

describe('the route table', () => {
  const all = Object.entries<Route>(routes);

  it('has each method of each path once', () => {
    const keys = all.map(([, { method, path }]) => `${method} ${path}`);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('names parameters, codes and calls that there are', () => {
    for (const [, { path, params, errors, calls }] of all) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect(Object.keys(params?.shape ?? {})).toEqual(inPath);
      for (const code of errors) expect(errorCodes).toContain(code);
      for (const call of calls) expect(Object.keys(internalCalls)).toContain(call);
    }
  });

  it('guards every path of the API', () => {
    for (const [, { path, isPublic }] of all) expect(isPublic).toBe(!path.startsWith('/v1/'));
  });
});

describe('the OpenAPI document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const validator = new Validator();
    const result = await validator.validate({ ...openApiDocument() });
    expect([result.valid, result.errors]).toEqual([true, undefined]);
    expect(validator.version).toBe('3.1');
  });

  it('is valid with plugins in it, too', async () => {
    const schemas = { order: '{"type":"object"}', request: '{}', placed: '{}', redemption: '{}', redeemed: '{}' };
    const document = openApiDocument([{ name: 'some-plugin', apiVersion: 1, schemas }]);
    const result = await new Validator().validate({ ...document });
    expect([result.valid, result.errors]).toEqual([true, undefined]);
    for (const [, name] of JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      expect(document.components).toHaveProperty(['schemas', name ?? '']);
    }
  });

  it('asks for no token where the gateway asks for none', async () => {
    const document = openApiDocument([], { asksToken: false });
    const result = await new Validator().validate({ ...document });
    expect([result.valid, result.errors]).toEqual([true, undefined]);
    expect(JSON.stringify(document)).not.toMatch(/"bearer"|"security|"description":"[^"]*unauthenticated/);
  });

  it('is the same each time', () => {
    expect(JSON.stringify(openApiDocument())).toBe(JSON.stringify(openApiDocument()));
  });

  it('refers to schemas that it has, and says of each route what it answers', () => {
    const text = JSON.stringify(openApiDocument());
    const { components, paths } = openApiDocument();
    for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      expect(components).toHaveProperty(['schemas', name ?? '']);
    }
    for (const [name, { method, path, answers, errors }] of Object.entries<Route>(routes)) {
      expect(paths[path]?.[method]).toMatchObject({ operationId: name });
      for (const status of [...Object.keys(answers), ...errors.map((code) => String(statusOf[code]))]) {
        expect(paths).toHaveProperty([path, method, 'responses', status, 'description']);
      }
    }
  });

  it('describes bytes as hex and times by their format', () => {
    expect(openApiDocument().components['schemas']).toMatchObject({
      PlacedOrder: {
        properties: { commitment: { type: 'string', pattern: '^[0-9a-f]{66}$' }, createdAt: { type: 'integer' } },
      },
      OrderRequest: {
        properties: {
          setupBy: { type: 'string', format: 'date-time' },
          wait: { type: 'integer', default: 10, minimum: 0, maximum: 60 },
        },
      },
    });
  });
});
