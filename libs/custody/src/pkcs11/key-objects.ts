import { toHex } from '@dta/codec';
import type { KeyName } from '../custody.js';
import type { Session } from './connection.js';
import { isNoObject, quietly, type Handle, type Template } from './cryptoki.js';

/** Length of a CKA_ID of ours. */
export const KEY_ID_BYTES = 16;

/** All labels of ours begin so: a token may hold others' objects. */
const PREFIX = 'dta/';
/** A key that is not yet settled on: nothing is sealed under it. */
const CANDIDATE = '/new';
const OBJECTS_AT_A_TIME = 64;

/** A key-encryption key inside a token. */
export interface KeyObject {
  readonly handle: Handle;
  /** CKA_ID [16], random */
  readonly id: Uint8Array;
}

const labelOf = (name: KeyName) => `${PREFIX}${name}`;
const candidateLabelOf = (name: KeyName) => `${PREFIX}${name}${CANDIDATE}`;

/** Objects that fit `template`. */
export function findObjects({ module: { cryptoki }, handle: session }: Session, template: Template): Handle[] {
  cryptoki.C_FindObjectsInit(session, template);
  try {
    const found: Handle[] = [];
    for (;;) {
      const more = cryptoki.C_FindObjects(session, OBJECTS_AT_A_TIME);
      if (more.length === 0) return found;
      found.push(...more);
    }
  } finally {
    quietly(() => cryptoki.C_FindObjectsFinal(session));
  }
}

/** One attribute of an object. */
export function attributeOf({ module: { cryptoki }, handle }: Session, object: Handle, type: number): Buffer {
  const [attribute] = cryptoki.C_GetAttributeValue(handle, object, [{ type }]);
  return Buffer.from(attribute?.value ?? []);
}

/** Keys that are called `name` and settled on, by ascending CKA_ID; only that with `id` where one is given. */
export function findKeys(session: Session, name: KeyName, id?: Uint8Array): KeyObject[] {
  return find(session, labelOf(name), id);
}

/** Keys that somebody is about to call `name`, by ascending CKA_ID. */
export function findCandidates(session: Session, name: KeyName): KeyObject[] {
  return find(session, candidateLabelOf(name));
}

function find(session: Session, label: string, id?: Uint8Array): KeyObject[] {
  const { pkcs11js } = session.module;
  const found = findObjects(session, [
    { type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_SECRET_KEY },
    { type: pkcs11js.CKA_LABEL, value: label },
    ...(id === undefined ? [] : [{ type: pkcs11js.CKA_ID, value: Buffer.from(id) }]),
  ]);
  return found
    .flatMap((handle) => {
      const own = id ?? attributeIfThere(session, handle, pkcs11js.CKA_ID);
      return own === undefined ? [] : [{ handle, id: new Uint8Array(own) }];
    })
    .sort((a, b) => (toHex(a.id) < toHex(b.id) ? -1 : 1));
}

/** Undefined where a replica has destroyed the object since it was found. */
function attributeIfThere(session: Session, object: Handle, type: number): Buffer | undefined {
  try {
    return attributeOf(session, object, type);
  } catch (error) {
    if (isNoObject(error)) return undefined;
    throw error;
  }
}

/** Names of all keys that are settled on, sorted, each once. */
export function listKeyNames(session: Session): KeyName[] {
  const { pkcs11js } = session.module;
  const found = findObjects(session, [
    { type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_SECRET_KEY },
    { type: pkcs11js.CKA_KEY_TYPE, value: pkcs11js.CKK_AES },
  ]);
  const labels = found.map((handle) => attributeIfThere(session, handle, pkcs11js.CKA_LABEL)?.toString() ?? '');
  const names = labels
    .filter((label) => label.startsWith(PREFIX) && !label.endsWith(CANDIDATE))
    .map((label) => label.slice(PREFIX.length));
  return [...new Set(names)].sort();
}

/** What an AES-256 key is that its token makes and never gives away. */
export function keyTemplate({ module: { pkcs11js } }: Session, label: string, id: Uint8Array): Template {
  return [
    { type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_SECRET_KEY },
    { type: pkcs11js.CKA_KEY_TYPE, value: pkcs11js.CKK_AES },
    { type: pkcs11js.CKA_VALUE_LEN, value: 32 },
    { type: pkcs11js.CKA_LABEL, value: label },
    { type: pkcs11js.CKA_ID, value: Buffer.from(id) },
    { type: pkcs11js.CKA_TOKEN, value: true },
    { type: pkcs11js.CKA_PRIVATE, value: true },
    { type: pkcs11js.CKA_SENSITIVE, value: true },
    { type: pkcs11js.CKA_EXTRACTABLE, value: false },
    { type: pkcs11js.CKA_MODIFIABLE, value: true }, // its label, once it is settled on
    { type: pkcs11js.CKA_ENCRYPT, value: true },
    { type: pkcs11js.CKA_DECRYPT, value: true },
    { type: pkcs11js.CKA_WRAP, value: false },
    { type: pkcs11js.CKA_UNWRAP, value: false },
    { type: pkcs11js.CKA_SIGN, value: false },
    { type: pkcs11js.CKA_VERIFY, value: false },
    { type: pkcs11js.CKA_DERIVE, value: false },
  ];
}

/** Has the token make a key that may come to be called `name`. */
export async function generateCandidate(session: Session, name: KeyName, id: Uint8Array): Promise<void> {
  const { cryptoki, pkcs11js } = session.module;
  const mechanism = { mechanism: pkcs11js.CKM_AES_KEY_GEN };
  await cryptoki.C_GenerateKeyAsync(session.handle, mechanism, keyTemplate(session, candidateLabelOf(name), id));
}

/** Makes a candidate the key of its name. */
export function settleOn(session: Session, { handle }: KeyObject, name: KeyName): void {
  const { cryptoki, pkcs11js } = session.module;
  cryptoki.C_SetAttributeValue(session.handle, handle, [{ type: pkcs11js.CKA_LABEL, value: labelOf(name) }]);
}

/** Destroys objects; one that is gone already is destroyed. */
export function destroyObjects({ module: { cryptoki }, handle }: Session, objects: readonly Handle[]): void {
  for (const object of objects) {
    try {
      cryptoki.C_DestroyObject(handle, object);
    } catch (error) {
      if (!isNoObject(error)) throw error;
    }
  }
}
