import { primitives, type Primitive } from './primitives.js';

/** How often an order needs each primitive. */
export type Counts = Readonly<Record<Primitive, number>>;

/**
 * What the protocol asks for between a Request and the last Acknowledged of its Commitment (docs/protocol.md §3, §5, §6):
 * each message is sealed to each recipient once; each statement's signature, each proof and each share is checked once by
 * every node that relies on it and didn't make it, each key and point of somebody else's before it is used. Encoding, hashing, the database and HTTP are not in it.
 */
export function setupCounts(n: number, threshold: number): Counts {
  const alone = n === 1;
  // requests: enrol to 1, accept and deal to n, confirm with manifest and commit to n + 1; as many replies
  const messages = 2 * (alone ? 4 : 4 * n + 3);
  const dealt = alone ? 0 : n * n;
  const signed = alone ? 7 : 4 * n + 7;
  const envelopes = alone ? 3 + 4 : 5 + (4 * n + 3);
  return {
    ...none,
    seal: messages + dealt,
    open: messages + dealt,
    // each envelope's content, and a call of the gateway with its reply
    encrypt: envelopes + 2,
    decrypt: messages + 2,
    keygen: dealt + 1,
    openKey: dealt,
    sign: signed + envelopes,
    verify: messages + (alone ? 4 + 3 + 5 : n * (3 * n + 2) + (3 * n + 3) + (4 * n + 3)),
    prove: 1 + n,
    checkProof: 1 + n + (n * (n - 1) + 2 * n), // Enrolment: P and each F; each Deal: P, B, the other F
    point: 1 + n * threshold, // B's key; each dealer's polynomial
    checkShare: dealt,
    // each key and point of the order once for all nodes of the process, which remembers them
    checkPoint: 1 + n * threshold,
    checkKem: 1 + dealt,
  };
}

const none = Object.fromEntries(primitives.map((name) => [name, 0])) as Record<Primitive, number>; // one for each
