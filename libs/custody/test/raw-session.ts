import type { SoftHsmToken } from '@dta/testkit';
import pkcs11js from 'pkcs11js';

/** A session past custody, as another program of the token's user would have it. */
export interface RawSession {
  /** secret keys of this label */
  find(label: string): Buffer[];
  findPrivate(label: string): Buffer[];
  attribute(object: Buffer, type: number): Buffer;
  set(object: Buffer, type: number, value: boolean): void;
  wrap(wrapping: Buffer, object: Buffer): Buffer;
  /** An AES key of this session that may wrap others. */
  makeWrappingKey(): Buffer;
  /** As custody makes them. */
  makeKey(label: string, id: Uint8Array): Buffer;
  /** Ends all sessions of this process at the token, whoever opened them, and its login. */
  closeAll(): void;
  /** Ends Cryptoki in this process. */
  finalize(): void;
  close(): void;
}

/** Opens one in this process, which has the module initialised. */
export function rawSession({ module, token, pin }: SoftHsmToken): RawSession {
  const cryptoki = new pkcs11js.PKCS11();
  cryptoki.load(module);
  const slot = cryptoki.C_GetSlotList(true).find((each) => cryptoki.C_GetTokenInfo(each).label.trimEnd() === token);
  if (slot === undefined) throw new Error('the token is not there');
  const session = cryptoki.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);
  try {
    cryptoki.C_Login(session, pkcs11js.CKU_USER, pin);
  } catch (error) {
    if (!String(error).includes('CKR_USER_ALREADY_LOGGED_IN')) throw error;
  }
  const find = (objectClass: number, label: string) => {
    cryptoki.C_FindObjectsInit(session, [
      { type: pkcs11js.CKA_CLASS, value: objectClass },
      { type: pkcs11js.CKA_LABEL, value: label },
    ]);
    const found = cryptoki.C_FindObjects(session, 100);
    cryptoki.C_FindObjectsFinal(session);
    return found;
  };
  const makeKey = (attributes: { type: number; value: number | boolean | string | Buffer }[]) =>
    cryptoki.C_GenerateKey(session, { mechanism: pkcs11js.CKM_AES_KEY_GEN }, [
      { type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_SECRET_KEY },
      { type: pkcs11js.CKA_KEY_TYPE, value: pkcs11js.CKK_AES },
      { type: pkcs11js.CKA_VALUE_LEN, value: 32 },
      ...attributes,
    ]);
  return {
    find: (label) => find(pkcs11js.CKO_SECRET_KEY, label),
    findPrivate: (label) => find(pkcs11js.CKO_PRIVATE_KEY, label),
    attribute: (object, type) => cryptoki.C_GetAttributeValue(session, object, [{ type }])[0]?.value ?? Buffer.alloc(0),
    set: (object, type, value) => cryptoki.C_SetAttributeValue(session, object, [{ type, value }]),
    wrap: (wrapping, object) =>
      cryptoki.C_WrapKey(session, { mechanism: pkcs11js.CKM_AES_KEY_WRAP_PAD }, wrapping, object, Buffer.alloc(256)),
    makeWrappingKey: () =>
      makeKey([
        { type: pkcs11js.CKA_TOKEN, value: false },
        { type: pkcs11js.CKA_WRAP, value: true },
      ]),
    makeKey: (label, id) =>
      makeKey([
        { type: pkcs11js.CKA_TOKEN, value: true },
        { type: pkcs11js.CKA_PRIVATE, value: true },
        { type: pkcs11js.CKA_SENSITIVE, value: true },
        { type: pkcs11js.CKA_EXTRACTABLE, value: false },
        { type: pkcs11js.CKA_ENCRYPT, value: true },
        { type: pkcs11js.CKA_DECRYPT, value: true },
        { type: pkcs11js.CKA_LABEL, value: label },
        { type: pkcs11js.CKA_ID, value: Buffer.from(id) },
      ]),
    closeAll: () => cryptoki.C_CloseAllSessions(slot),
    finalize: () => cryptoki.C_Finalize(),
    close: () => cryptoki.C_CloseSession(session),
  };
}
