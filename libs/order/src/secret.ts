import { cidToBytes, encodeCanonical, type Cid } from '@dta/codec';
import type { Role } from '@dta/identity';

/** Every kind of secret that a role keeps sealed by custody (docs/protocol.md §6, "Sealed rows"). */
export type SecretKind =
  | 'share'
  | 'subshare'
  | 'coefficients'
  | 'epoch-seed'
  | 'enrolment-seed'
  | 'enrolment-key'
  | 'secret'
  | 'record-key'
  | 'plugin-held';

/** Which secret of an order: its place, and nothing of its value. */
export interface SecretName {
  readonly what: SecretKind;
  /** the order; null for a secret of the node's own */
  readonly request: Cid | null;
  readonly epoch: number;
  /** [32] */
  readonly transcript: Uint8Array | null;
  readonly index: number | null;
}

/** A secret on its way to custody. */
export interface NewSecret {
  readonly name: SecretName;
  readonly value: Uint8Array;
}

/**
 * What a sealed row is bound to. `owner` is the first CID of the node's chain, so that a rotated identity still opens
 * its own rows; a row copied to another order, epoch, transcript or member does not open.
 */
export function secretContext(owner: Cid, role: Role, name: SecretName): Uint8Array {
  return encodeCanonical([
    'DTA-SEALED1',
    cidToBytes(owner),
    role,
    name.what,
    name.request === null ? null : cidToBytes(name.request),
    name.epoch,
    name.transcript,
    name.index,
  ]);
}
