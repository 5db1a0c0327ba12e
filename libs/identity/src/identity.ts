import { ascii, bytesEqual, cidOf, concat, type Cid } from '@dta/codec';
import { assertEd25519PublicKey, assertKemPublicKey, sha256 } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import type { SigningKey } from './signing-key.js';
import { parseStatement, signStatement, verifySignature, type Statement } from './statement.js';
import { identityStatement, type Role } from './statement-types.js';

/** An Identity Document that is sound in itself: form, own signature, keys. Whether it is trusted is another question. */
export interface Identity {
  readonly cid: Cid;
  readonly bytes: Uint8Array;
  readonly name: string;
  readonly roles: readonly Role[];
  readonly keys: {
    /** Ed25519 [32] */
    readonly sign: Uint8Array;
    /** X-Wing [1216] */
    readonly kem: Uint8Array;
    /** SHA-256 of `kem` [32]: how an envelope's header names it */
    readonly kemHash: Uint8Array;
  };
  /** {@link nextKeyHash} [32] of the successor's signing key; null: the chain ends here */
  readonly next: Uint8Array | null;
  /** Ed25519 [32] that decides a fork and may revoke the chain, in a first document */
  readonly recovery: Uint8Array | null;
  readonly prev: Cid | null;
  readonly extension: Readonly<Record<string, unknown>>;
  /** Unix ms */
  readonly createdAt: number;
  readonly statement: Statement;
}

/** What a new Identity Document says of its node. */
export interface NewIdentity {
  readonly name: string;
  readonly roles: readonly Role[];
  /** X-Wing public key [1216] */
  readonly kem: Uint8Array;
  /** public signing key [32] of the successor, made beforehand; without it there can be no successor */
  readonly next?: Uint8Array;
  readonly recovery?: Uint8Array;
  readonly extension?: Record<string, unknown>;
  /** Unix milliseconds */
  readonly now: number;
}

/**
 * What a document says of its successor's signing key [32]: SHA-256("DTA-NEXTKEY1" ‖ key) [32]. It shows nothing of the key,
 * and fits no other (docs/adr/0015).
 */
export function nextKeyHash(publicKey: Uint8Array): Uint8Array {
  return sha256(concat(ascii('DTA-NEXTKEY1'), publicKey));
}

/** Signs the first document of a new chain. */
export async function createIdentity(said: NewIdentity, key: SigningKey): Promise<Identity> {
  return sign(said, null, [key]);
}

/**
 * Signs the successor of `predecessor`: by its own key, which is the one that the predecessor committed to, and by the
 * predecessor's.
 */
export async function rotateIdentity(
  predecessor: Identity,
  said: NewIdentity,
  key: SigningKey,
  predecessorKey: SigningKey,
): Promise<Identity> {
  return sign(said, predecessor.cid, [key, predecessorKey]);
}

async function sign(
  said: NewIdentity,
  prev: Cid | null,
  keys: readonly [SigningKey, ...SigningKey[]],
): Promise<Identity> {
  const statement = await signStatement(
    identityStatement,
    {
      issuer: null,
      order: null,
      createdAt: said.now,
      name: said.name,
      roles: [...said.roles],
      keys: { sign: keys[0].publicKey, kem: said.kem },
      next: said.next === undefined ? null : nextKeyHash(said.next),
      recovery: said.recovery ?? null,
      prev,
      extension: said.extension ?? {},
    },
    keys,
  );
  return readIdentity(statement.bytes);
}

/**
 * Reads an Identity Document and checks what it can say for itself: form, its key (canonical, of order L), its own
 * signature, that a fiduciary is nothing else. Its link to a predecessor is the directory's to check.
 *
 * @throws `too_large`, `non_canonical`, `identity_invalid`
 */
export function readIdentity(bytes: Uint8Array): Identity {
  const statement = refusing(() => parseStatement([identityStatement], bytes));
  const { body } = statement;
  refusing(() => assertEd25519PublicKey(body.keys.sign));
  refusing(() => assertKemPublicKey(body.keys.kem));
  if (body.recovery !== null) assertRecovery(body.recovery);
  refusing(() => verifySignature(statement, body.keys.sign));
  const fault =
    body.issuer !== null || body.order !== null
      ? 'an identity has neither issuer nor order'
      : statement.signatures.length !== (body.prev === null ? 1 : 2)
        ? 'a first document has one signature, a successor two'
        : new Set(body.roles).size !== body.roles.length
          ? 'a role is named twice'
          : body.roles.includes('fiduciary') && body.roles.length > 1
            ? 'a fiduciary has that role alone'
            : body.prev !== null && body.recovery !== null
              ? 'a recovery key stands in the first document'
              : null;
  if (fault !== null) throw new DtaError('identity_invalid', fault);
  return {
    cid: cidOf(bytes),
    bytes,
    name: body.name,
    roles: body.roles,
    keys: { ...body.keys, kemHash: sha256(body.keys.kem) },
    next: body.next,
    recovery: body.recovery,
    prev: body.prev,
    extension: body.extension,
    createdAt: body.createdAt,
    statement,
  };
}

function assertRecovery(recovery: Uint8Array): void {
  refusing(() => assertEd25519PublicKey(recovery));
}

function refusing<T>(check: () => T): T {
  try {
    return check();
  } catch (cause) {
    if (cause instanceof DtaError && (cause.code === 'too_large' || cause.code === 'non_canonical')) throw cause;
    throw new DtaError('identity_invalid', 'identity document does not verify', { cause });
  }
}

/**
 * Checks that `successor` follows `predecessor`: names it, has the signing key that it committed to, which is a new one, is
 * signed by its key and keeps its roles. So a party that has a document's key alone makes no successor.
 *
 * @throws `identity_invalid`
 */
export function verifySuccession(predecessor: Identity, successor: Identity): void {
  refusing(() => verifySignature(successor.statement, predecessor.keys.sign, 1));
  const roles = (identity: Identity) => [...identity.roles].sort().join(' ');
  if (
    successor.prev !== predecessor.cid ||
    predecessor.next === null ||
    !bytesEqual(nextKeyHash(successor.keys.sign), predecessor.next) ||
    roles(successor) !== roles(predecessor) ||
    bytesEqual(successor.keys.sign, predecessor.keys.sign)
  ) {
    throw new DtaError('identity_invalid', 'identity document does not follow its predecessor');
  }
}
