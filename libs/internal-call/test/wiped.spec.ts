import { beforeEach, expect, jest, test } from '@jest/globals';
import * as codec from '@dta/codec';
import * as crypto from '@dta/crypto';
import { holds, isWiped, listening } from '@dta/testkit';

const handedOut: Uint8Array[] = [];
jest.unstable_mockModule('@dta/codec', () => listening(codec, handedOut, ['encodeDocument']));
jest.unstable_mockModule('@dta/crypto', () => listening(crypto, handedOut, ['aeadOpen']));
const { makeCall, serveCall } = await import('../src/index.js');

const psk = new Uint8Array(32).fill(7);
const subject = 'dta.internal.node.beneficiary.reveal-secret';
const [token, secret] = [Buffer.from('a token that is secret'), new Uint8Array(32).fill(9)];
const orderReference = codec.cidOf(Uint8Array.of(1));
const call = 'beneficiary.reveal-secret';

beforeEach(() => {
  handedOut.length = 0;
});

test('of a call and its reply no plaintext is left at either end, but in what the caller is given', async () => {
  const body = {
    ...{ caller: { token: token.toString() }, requestId: 'r', traceparent: null },
    params: { orderReference, extension: null },
  };
  const { bytes, readReply } = makeCall(call, { psk, subject, gateway: 'g', now: 0 }, body);
  const handler = async () => ({
    secret: secret.slice(),
    commitment: new Uint8Array(33),
    orderReference,
    extension: {},
  });
  const reply = await serveCall(bytes, { call, psks: [psk], subject, now: 0, handler, onError: () => undefined });
  expect(readReply(reply).secret).toEqual(secret);
  expect(handedOut.filter(isWiped)).toHaveLength(4); // body and reply, as they were sealed and as they were opened
  expect(handedOut.some((left) => holds(left, token) || holds(left, secret))).toBe(false);
});

test('nor of a call that is refused', async () => {
  const body = { caller: { token: token.toString() }, requestId: 'r', traceparent: null, params: {} };
  const { bytes } = makeCall('status', { psk, subject, gateway: 'g', now: 0 }, body);
  const handler = async () => {
    throw new Error('is not asked');
  };
  await serveCall(bytes, { call, psks: [psk], subject, now: 0, handler, onError: () => undefined });
  expect(handedOut.some((left) => holds(left, token))).toBe(false);
});
