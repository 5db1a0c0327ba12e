import {
  aeadOpen,
  aeadSeal,
  assertKemPublicKey,
  assertPoint,
  ed25519PublicKey,
  ed25519Sign,
  ed25519Verify,
  hkdf,
  hpkeOpen,
  hpkeSeal,
  kemKeyPair,
  openEd25519,
  openKem,
  randomBytes,
  verifyShare,
  commitPolynomial,
  evaluatePolynomial,
  secp256k1,
} from '@dta/crypto';

/** What an order can't do without; the floor is made of these. */
export const primitives = [
  'seal',
  'open',
  'encrypt',
  'decrypt',
  'keygen',
  'openKey',
  'sign',
  'verify',
  'prove',
  'checkProof',
  'point',
  'checkShare',
  'checkPoint',
  'checkKem',
] as const;

export type Primitive = (typeof primitives)[number];

/** What each stands for in a table. */
export const meaning: Readonly<Record<Primitive, string>> = {
  seal: 'HPKE seal (X-Wing)',
  open: 'HPKE open (X-Wing), key at hand',
  encrypt: 'HKDF and AES-256-GCM over 2 KiB',
  decrypt: 'the same, opened',
  keygen: 'X-Wing key pair',
  openKey: 'X-Wing private key from its seed',
  sign: 'Ed25519 sign',
  verify: 'Ed25519 verify',
  prove: 'BIP-340 sign',
  checkProof: 'BIP-340 verify',
  point: 'secp256k1 base multiplication',
  checkShare: 'Feldman check of a share',
  checkPoint: 'check that bytes are a point of secp256k1',
  checkKem: 'check of a fresh X-Wing key',
};

/** As many different keys, messages and signatures as a few parties of a few orders have. */
const VARIETY = 24;
const ROUNDS = 200;
const REPEATS = 5;

/** More keys and points than the library remembers: each is new to it. */
const FRESH_KEMS = 300;
const FRESH_POINTS = 1_100;

const content = randomBytes(2048);

/** Prepares inputs, and gives a function for each primitive that does it once, on the next of them. */
async function prepare(threshold: number): Promise<Record<Primitive, () => unknown>> {
  const inputs = await Promise.all(
    Array.from({ length: VARIETY }, async () => {
      const [kem, key] = [await kemKeyPair(), openEd25519(randomBytes(32))];
      const [scalar, digest, message, info] = [randomBytes(32), randomBytes(32), randomBytes(46), randomBytes(48)];
      const coefficients = Array.from({ length: threshold }, () => randomBytes(32));
      return {
        ...{ kem, key, scalar, digest, message, info },
        privateKey: await openKem(kem.seed),
        publicKey: ed25519PublicKey(key),
        sealed: await hpkeSeal(kem.publicKey, info, digest),
        encrypted: aeadSeal(hkdf(digest, info, 32), content, info),
        signature: ed25519Sign(key, message),
        point: secp256k1.publicPoint(scalar),
        pop: secp256k1.popSign(scalar, digest),
        points: commitPolynomial(secp256k1, coefficients),
        share: evaluatePolynomial(secp256k1, coefficients, 2),
      };
    }),
  );
  const kems: Uint8Array[] = [];
  while (kems.length < FRESH_KEMS) kems.push((await kemKeyPair()).publicKey);
  const points = Array.from({ length: FRESH_POINTS }, () => secp256k1.publicPoint(randomBytes(32)));
  let [kem, point] = [0, 0];
  let turn = 0;
  const next = () => inputs[turn++ % VARIETY] ?? inputs[0];
  const on = (use: (input: (typeof inputs)[number]) => unknown) => () => {
    const input = next();
    return input && use(input);
  };
  return {
    seal: on(({ kem, info, digest }) => hpkeSeal(kem.publicKey, info, digest)),
    open: on(({ privateKey, info, sealed }) => hpkeOpen(privateKey, info, sealed)),
    encrypt: on(({ digest, info }) => aeadSeal(hkdf(digest, info, 32), content, info)),
    decrypt: on(({ digest, info, encrypted }) => aeadOpen(hkdf(digest, info, 32), encrypted, info)),
    keygen: () => kemKeyPair(),
    openKey: on(({ kem }) => openKem(kem.seed)),
    sign: on(({ key, message }) => ed25519Sign(key, message)),
    verify: on(({ publicKey, message, signature }) => ed25519Verify(publicKey, message, signature)),
    prove: on(({ scalar, digest }) => secp256k1.popSign(scalar, digest)),
    checkProof: on(({ point, digest, pop }) => secp256k1.popVerify(point, digest, pop)),
    point: on(({ scalar }) => secp256k1.publicPoint(scalar)),
    checkShare: on((input) => verifyShare(secp256k1, input.points, 2, input.share)),
    checkPoint: () => assertPoint(secp256k1, points[point++ % FRESH_POINTS] ?? content),
    checkKem: () => assertKemPublicKey(kems[kem++ % FRESH_KEMS] ?? content),
  };
}

/** CPU time of each primitive alone, in ms: the least of several runs of a hot loop. */
export async function measurePrimitives(threshold: number): Promise<Record<Primitive, number>> {
  const run = await prepare(threshold);
  const cost = {} as Record<Primitive, number>; // filled for each of them just below
  for (const name of primitives) cost[name] = await leastCpu(run[name]);
  return cost;
}

/**
 * CPU time in ms of the primitives of one order, `counts` of each, and nothing else: done for several orders in turn, one
 * primitive after another as an order does them, since a hot loop of one of them finds everything in the cache.
 */
export async function measureFloor(
  counts: Readonly<Record<Primitive, number>>,
  threshold: number,
  orders: number,
): Promise<number> {
  const run = await prepare(threshold);
  const sequence = interleave(counts);
  for (const name of sequence) await run[name](); // warm
  const before = process.cpuUsage();
  for (let order = 0; order < orders; order++) for (const name of sequence) await run[name]();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / orders;
}

/** Each primitive as often as it is counted, spread evenly over the order. */
function interleave(counts: Readonly<Record<Primitive, number>>): Primitive[] {
  return primitives
    .flatMap((name) => Array.from({ length: counts[name] }, (_, at) => ({ name, place: (at + 0.5) / counts[name] })))
    .sort((a, b) => a.place - b.place)
    .map(({ name }) => name);
}

async function leastCpu(run: () => unknown): Promise<number> {
  let least = Infinity;
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const before = process.cpuUsage();
    for (let round = 0; round < ROUNDS; round++) await run();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000 / ROUNDS);
  }
  return least;
}
