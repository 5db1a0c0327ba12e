import type { Cid } from '@dta/codec';
import type { Role } from './role.js';

/** Where a node's role takes messages of other nodes (docs/protocol.md §5). */
export function peerSubject(node: Cid, role: Role, verb: string): string {
  return `dta.v1.${node}.${role}.${verb}`;
}

/** Where a node's role takes sealed calls of its own gateways; closed to other operators by NATS accounts. */
export function internalSubject(node: Cid, role: Role, verb: string): string {
  return `dta.internal.${node}.${role}.${verb}`;
}

/** The queue group that all replicas of a role share, so that each message goes to one of them. */
export function queueGroup(role: Role): string {
  return `dta-${role}`;
}
