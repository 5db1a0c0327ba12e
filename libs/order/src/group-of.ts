import { groupNamed, type Group } from '@dta/crypto';
import type { Request } from './statements.js';

/** The group that an order's Request names: its key, points, shares and proofs are of no other (ADR 26). */
export function groupOf(request: Request): Group {
  return groupNamed(request.body.group);
}
