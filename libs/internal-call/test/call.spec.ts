import { describe, expect, it } from '@jest/globals';
import { ascii, cidOf, encodeCanonical } from '@dta/codec';
import { DtaError } from '@dta/errors';
import { makeCall, openCall, sealCall, serveCall, type ServeCallOptions } from '../src/index.js';

const psk = new Uint8Array(32).fill(7);
const subject = 'dta.internal.node.beneficiary.reveal-secret';
const now = 1_700_000_000_000;
const orderReference = cidOf(ascii('order'));
const extension = {};
const result = {
  secret: new Uint8Array(32).fill(1),
  commitment: new Uint8Array(33).fill(2),
  orderReference,
  extension,
};
const to = { psk, subject, gateway: 'gateway', now };
const body = {
  caller: { token: 'token' },
  requestId: 'request',
  traceparent: null,
  params: { orderReference, extension },
};
const call = 'beneficiary.reveal-secret' as const;

type Options = ServeCallOptions<typeof call>;
const reported: unknown[] = [];
const options = (handler: Options['handler']): Options => ({
  ...{ call, psks: [psk], subject, now, handler },
  onError: (error) => reported.push(error),
});
const roundTrip = async (handler: Options['handler']) => {
  reported.length = 0;
  const { bytes, readReply } = makeCall(call, to, body);
  return readReply(await serveCall(bytes, options(handler)));
};

describe('a call', () => {
  it('brings the handler who calls, and the caller the result', async () => {
    const answered = await roundTrip(async (served) => {
      expect(served).toEqual({ ...body, id: expect.any(Uint8Array), gateway: 'gateway' });
      return result;
    });
    expect(answered).toEqual(result);
  });

  it('brings the caller a DtaError by code, message and metadata, without cause', async () => {
    const thrown = new DtaError('busy', 'later', { metadata: { retryAfterMs: 5 }, cause: new Error('hidden') });
    const error: unknown = await roundTrip(() => Promise.reject(thrown)).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'busy', message: 'later', metadata: { retryAfterMs: 5 } });
    expect(error).not.toHaveProperty('cause');
    expect(reported).toEqual([]);
  });

  it('tells nothing of any other error, and reports it', async () => {
    const thrown = new Error('a row with a secret');
    await expect(roundTrip(() => Promise.reject(thrown))).rejects.toMatchObject({
      ...{ code: 'internal', message: 'unexpected error', metadata: {} },
    });
    expect(reported).toEqual([thrown]);
  });

  it('reports a result that has not the form of the table', async () => {
    const wrong = { ...result, secret: new Uint8Array(31) };
    await expect(roundTrip(async () => wrong)).rejects.toMatchObject({ code: 'internal' });
    expect(reported).toHaveLength(1);
  });

  it('with parameters that are not valid is refused inside the seal, with every fault', async () => {
    const params = { orderReference: new Uint8Array(3), extension, more: true };
    const { bytes } = sealCall({ ...to, body: encodeCanonical({ ...body, params }) });
    const handler = () => Promise.reject(new Error('must not run'));
    const sealed = await serveCall(bytes, options(handler));
    expect(sealed).toBeInstanceOf(Uint8Array);
    const { openReply, bytes: again } = sealCall({ ...to, body: encodeCanonical({ ...body, params }) });
    const reply = openReply(await serveCall(again, options(handler)));
    expect(new TextDecoder().decode(reply)).toMatch(/params.orderReference: .*request_invalid|request_invalid/);
  });

  it.each([
    [150_000, 'ahead of'],
    [-150_000, 'behind'],
  ])("dated %d ms from the role's time is refused inside the seal, and not run", async (aheadMs, word) => {
    const { bytes, readReply } = makeCall(call, { ...to, now: now + aheadMs }, body);
    const codes: string[] = [];
    const reply = await serveCall(bytes, {
      ...options(() => Promise.reject(new Error('must not run'))),
      onAnswered: (code) => codes.push(code),
    });
    let refused: unknown;
    try {
      readReply(reply);
    } catch (error) {
      refused = error;
    }
    expect(refused).toMatchObject({
      code: 'clock_skewed',
      message: `the clock of the gateway gateway is 150 s ${word} this role's`,
      metadata: { gateway: 'gateway', aheadMs },
    });
    expect(codes).toEqual(['clock_skewed']);
    // nothing for anyone who plays it again without the key
    expect(() => makeCall(call, { ...to, psk: new Uint8Array(32) }, body).readReply(reply)).toThrow();
    expect(Buffer.from(reply).includes('clock')).toBe(false);
  });

  it('that can not be opened is refused without a seal', async () => {
    const { bytes } = makeCall(call, { ...to, subject: 'dta.internal.other' }, body);
    await expect(
      serveCall(
        bytes,
        options(async () => result),
      ),
    ).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('answered by bytes that are no reply counts as not answered', () => {
    const { readReply, bytes } = makeCall(call, to, body);
    const unknownForm = openCall([psk], subject, bytes, now).sealReply(encodeCanonical({ result: 1 }));
    for (const reply of [new Uint8Array(), bytes, unknownForm]) {
      expect(() => readReply(reply)).toThrow(expect.objectContaining({ code: 'service_unavailable' }));
    }
  });

  it('takes a code that it does not know for `internal`', () => {
    const { readReply, bytes } = makeCall(call, to, body);
    const error = { code: 'of_a_later_version', message: 'x', metadata: {} };
    const reply = openCall([psk], subject, bytes, now).sealReply(encodeCanonical({ error }));
    expect(() => readReply(reply)).toThrow(
      expect.objectContaining({ code: 'internal', metadata: { remoteCode: 'of_a_later_version' } }),
    );
  });
});
