import { expect, test } from '@jest/globals';
import { cidOf } from '@dta/codec';
import { randomBytes, secp256k1 } from '@dta/crypto';
import type { InternalInbox, Node, OrderTable } from '@dta/node';
import type { BeneficiaryOrder } from '@dta/order';
import type { MessageContext, TransportMessage } from '@dta/transport';
import { RevealSecret } from '../src/calls/reveal-secret.js';

// The secret that a beneficiary hands to its gateway is zeros in its own memory once the reply is sealed. Node and inbox are
// stand-ins: nothing else shows the bytes that a role works on.

/** What the code asks of a part, and nothing else of it. */
const standIn = <T>(part: unknown): T => part as T; // the test's to know what is asked

test.each(['sealed', 'refused'])('a secret is wiped once its reply is %s', async (end) => {
  const secret = randomBytes(32);
  const commitment = secp256k1.publicPoint(secret);
  const node = { clock: { doubt: 'not now' }, secrets: { opener: () => async () => secret } };
  const orders = { find: async () => ({ version: 1, order: { state: 'held', group: 'secp256k1', commitment } }) };
  const replies: Uint8Array[] = [];
  const inbox = {
    answer: async (...[, , , run]: Parameters<InternalInbox['answer']>) => {
      const params = standIn<Parameters<typeof run>[0]>({ orderReference: cidOf(commitment), extension: null });
      const answer = standIn<{ secret: Uint8Array }>(await run(params));
      if (end === 'refused') throw new Error('no form');
      replies.push(answer.secret.slice());
      return new Uint8Array();
    },
  };
  const call = new RevealSecret(
    standIn<Node>(node),
    standIn<OrderTable<BeneficiaryOrder>>(orders),
    standIn<InternalInbox>(inbox),
  );
  const asked = call.handle(
    standIn<TransportMessage>({ payload: new Uint8Array() }),
    standIn<MessageContext>({ subject: '' }),
  );
  await asked.catch(() => undefined);
  for (const reply of replies) expect(secp256k1.publicPoint(reply)).toEqual(commitment);
  expect(replies).toHaveLength(end === 'sealed' ? 1 : 0);
  expect(secret).toEqual(new Uint8Array(32));
});
