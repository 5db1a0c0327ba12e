import { ascii, bytesEqual, concat, fromHex } from '@dta/codec';
import { ED25519_PUBLIC_KEY_BYTES, ED25519_SIGNATURE_BYTES, ed25519Verify, randomBytes } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import type { SigningKey } from '@dta/identity';
import type { CustodySigning } from '../custody.js';
import type { Session } from './connection.js';
import { edwards, isNoObject, returnValue, type Handle, type Template } from './cryptoki.js';
import { attributeOf, destroyObjects, findObjects, KEY_ID_BYTES } from './key-objects.js';
import type { Token } from './token.js';

const LABEL = 'dta/sign';
/** What CKA_EC_PARAMS says: id-Ed25519 (RFC 8410), or the name "edwards25519" (PKCS#11 3.0 §2.3.10). Modules differ. */
const CURVES = ['06032b6570', '130c656477617264733235353139'].map((hex) => fromHex(hex));
/** Stands before a point that is given as a DER OCTET STRING; some modules give the 32 bytes alone. */
const OCTET_STRING = Uint8Array.of(0x04, ED25519_PUBLIC_KEY_BYTES);

/** Ed25519 keys inside a token, by CKM_EDDSA of PKCS#11 3.0, which many modules of 2.40 have. */
export function signingInToken(token: Token): CustodySigning {
  return {
    create: async () => openSigningKey(token, await token.use(generatePair)),
    open: (publicKey) => openSigningKey(token, publicKey),
    destroy: (publicKey) =>
      token.use((session) => {
        const pair = findPair(session, publicKey);
        if (pair === undefined) session.assertThere();
        else destroyObjects(session, [...pair.privateKeys, ...pair.publicKeys]);
      }),
  };
}

async function openSigningKey(token: Token, publicKey: Uint8Array): Promise<SigningKey> {
  let known: { readonly connection: object; readonly handle: Handle } | undefined;
  const privateKey = (session: Session): Handle => {
    if (known?.connection === session.connection) return known.handle;
    const [handle] = findPair(session, publicKey)?.privateKeys ?? [];
    if (handle === undefined) {
      session.assertThere();
      throw new DtaError('custody_invalid', 'custody holds no signing key that belongs to this public key');
    }
    known = { connection: session.connection, handle };
    return handle;
  };
  const sign = (message: Uint8Array) =>
    token.use(async (session) => {
      try {
        return await signInToken(session, privateKey(session), message);
      } catch (error) {
        if (!isNoObject(error)) throw error;
        known = undefined; // it may have another handle by now
        session.renew();
        return await signInToken(session, privateKey(session), message);
      }
    });
  const challenge = concat(ascii('DTA-KEYCHECK1'), randomBytes(32));
  if (!ed25519Verify(publicKey, challenge, await sign(challenge))) {
    throw new DtaError('custody_invalid', 'the signing key in custody does not belong to its public key');
  }
  return { publicKey, sign };
}

async function signInToken({ module, handle }: Session, key: Handle, message: Uint8Array): Promise<Uint8Array> {
  const input = Buffer.from(message);
  module.cryptoki.C_SignInit(handle, { mechanism: edwards.CKM_EDDSA }, key);
  const signature = await module.cryptoki.C_SignAsync(handle, input, Buffer.alloc(ED25519_SIGNATURE_BYTES));
  input.fill(0); // and so it is alive until the call, which keeps no hold of it, has ended
  return new Uint8Array(signature);
}

/** The public key [32] of a new pair. @throws `custody_unavailable` where the module has no Ed25519 */
async function generatePair(session: Session): Promise<Uint8Array> {
  const { pkcs11js, cryptoki } = session.module;
  const id = Buffer.from(randomBytes(KEY_ID_BYTES));
  const common: Template = [
    { type: pkcs11js.CKA_KEY_TYPE, value: edwards.CKK_EC_EDWARDS },
    { type: pkcs11js.CKA_TOKEN, value: true },
    { type: pkcs11js.CKA_LABEL, value: LABEL },
    { type: pkcs11js.CKA_ID, value: id },
  ];
  const ofPrivate: Template = [
    ...common,
    { type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_PRIVATE_KEY },
    { type: pkcs11js.CKA_PRIVATE, value: true },
    { type: pkcs11js.CKA_SENSITIVE, value: true },
    { type: pkcs11js.CKA_EXTRACTABLE, value: false },
    { type: pkcs11js.CKA_SIGN, value: true },
  ];
  let refused: unknown;
  for (const curve of CURVES) {
    const ofPublic: Template = [
      ...common,
      { type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_PUBLIC_KEY },
      { type: pkcs11js.CKA_EC_PARAMS, value: Buffer.from(curve) },
      { type: pkcs11js.CKA_VERIFY, value: true },
    ];
    try {
      const { publicKey } = await cryptoki.C_GenerateKeyPairAsync(
        session.handle,
        { mechanism: edwards.CKM_EC_EDWARDS_KEY_PAIR_GEN },
        ofPublic,
        ofPrivate,
      );
      return publicKeyOf(attributeOf(session, publicKey, pkcs11js.CKA_EC_POINT));
    } catch (error) {
      if (!/^CKR_(MECHANISM_|CURVE_|DOMAIN_PARAMS_|ATTRIBUTE_|TEMPLATE_|FUNCTION_NOT)/.test(returnValue(error) ?? ''))
        throw error;
      refused = error;
    }
  }
  const reason = `this module makes no Ed25519 key (${returnValue(refused) ?? 'unknown reason'})`;
  throw new DtaError('custody_unavailable', `${reason}: keep the signing key in the key file`, { cause: refused });
}

/**
 * The public key [32] in a CKA_EC_POINT: a DER OCTET STRING of it (PKCS#11 3.0 §2.3.5) or itself.
 *
 * @throws `custody_invalid` for anything else
 */
export function publicKeyOf(point: Uint8Array): Uint8Array {
  if (point.length === ED25519_PUBLIC_KEY_BYTES) return Uint8Array.from(point);
  const wrapped = point.length === OCTET_STRING.length + ED25519_PUBLIC_KEY_BYTES;
  if (!wrapped || !bytesEqual(point.subarray(0, OCTET_STRING.length), OCTET_STRING)) {
    throw new DtaError('custody_invalid', 'the module gives a public key of an unknown form');
  }
  return Uint8Array.from(point.subarray(OCTET_STRING.length));
}

/** The objects of the pair with this public key; undefined where there is none. */
function findPair(
  session: Session,
  publicKey: Uint8Array,
): { readonly publicKeys: Handle[]; readonly privateKeys: Handle[] } | undefined {
  const { pkcs11js } = session.module;
  for (const point of [concat(OCTET_STRING, publicKey), publicKey]) {
    const publicKeys = findObjects(session, [
      { type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_PUBLIC_KEY },
      { type: pkcs11js.CKA_LABEL, value: LABEL },
      { type: pkcs11js.CKA_EC_POINT, value: Buffer.from(point) },
    ]);
    const [first] = publicKeys;
    if (first === undefined) continue;
    const privateKeys = findObjects(session, [
      { type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_PRIVATE_KEY },
      { type: pkcs11js.CKA_ID, value: attributeOf(session, first, pkcs11js.CKA_ID) },
    ]);
    return { publicKeys, privateKeys };
  }
  return undefined;
}
