import { bytesToNumberBE, numberToBytesBE } from '@noble/curves/utils.js';
import { DtaError } from '@dta/errors';
import { expectLength } from '../expect-length.js';
import type { Group } from './group.js';

/** Size of a scalar in bytes, big-endian, of every group. */
export const SCALAR_BYTES = 32;
/** Size of the uniform bytes that {@link scalarFromWide} reduces. */
export const WIDE_SCALAR_BYTES = 48;

/**
 * Reads a scalar [32], big-endian; 0 is one.
 *
 * @throws DtaError `scalar_invalid` when it isn't 32 bytes or isn't less than q
 */
export function scalarFromBytes({ scalarField }: Group, bytes: Uint8Array): bigint {
  expectLength(bytes, SCALAR_BYTES, 'scalar_invalid', 'a scalar');
  const scalar = bytesToNumberBE(bytes);
  if (scalar >= scalarField.ORDER) throw new DtaError('scalar_invalid', 'a scalar is not below the group order');
  return scalar;
}

/**
 * Writes a scalar as 32 bytes, big-endian.
 *
 * @throws DtaError `scalar_invalid` when it is negative or not below q
 */
export function scalarToBytes({ scalarField }: Group, scalar: bigint): Uint8Array {
  if (scalar < 0n || scalar >= scalarField.ORDER)
    throw new DtaError('scalar_invalid', 'a scalar is not below the group order');
  return numberToBytesBE(scalar, SCALAR_BYTES);
}

/**
 * OS2IP of 48 uniform bytes modulo q: the bias is below 2^-128 (RFC 9380 §5.1).
 *
 * @throws DtaError `scalar_invalid` when it isn't 48 bytes
 */
export function scalarFromWide({ scalarField }: Group, bytes: Uint8Array): bigint {
  expectLength(bytes, WIDE_SCALAR_BYTES, 'scalar_invalid', 'a wide scalar');
  return bytesToNumberBE(bytes) % scalarField.ORDER;
}

/**
 * Sum of scalars [32] modulo q, as 32 bytes; of none it is 0.
 *
 * @throws DtaError `scalar_invalid` as {@link scalarFromBytes}
 */
export function addScalars(group: Group, ...scalars: Uint8Array[]): Uint8Array {
  const { scalarField } = group;
  const sum = scalars.reduce((sum, scalar) => scalarField.add(sum, scalarFromBytes(group, scalar)), 0n);
  return scalarToBytes(group, sum);
}
