import type { Group } from './group.js';
import { secp256k1 } from './secp256k1.js';

const groups = { secp256k1 } as const satisfies Record<string, Group>;

/** A group that an order's key can lie in. */
export type GroupName = keyof typeof groups;

/** Every {@link GroupName}. */
export const groupNames = Object.keys(groups) as GroupName[]; // `satisfies` holds it to these keys

/** The group of that name. */
export function groupNamed(name: GroupName): Group {
  return groups[name];
}
