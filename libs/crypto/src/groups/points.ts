import { DtaError } from '@dta/errors';
import type { Group } from './group.js';

/**
 * Admits a point [pointBytes] that is canonical, in the group and not the identity.
 *
 * @throws DtaError `point_invalid` for every other value
 */
export function assertPoint(group: Group, point: Uint8Array): void {
  group.decode(point);
}

/**
 * Sum of points [pointBytes].
 *
 * @throws DtaError `point_invalid` when one is not a point, or the sum is the identity, as that of none is
 */
export function addPoints<Element>(group: Group<Element>, ...points: Uint8Array[]): Uint8Array {
  const sum = points.reduce((sum, point) => group.add(sum, group.decode(point)), group.identity);
  const encoded = group.encode(sum);
  if (encoded === null) throw new DtaError('point_invalid', 'a sum of points is the identity');
  return encoded;
}
