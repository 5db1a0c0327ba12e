import { STATUS_TIMEOUT_MS } from '@dta/contracts';
import { remembered } from '@dta/service';
import { ownContext } from './request-context.js';
import type { RoleAnswer, RoleCalls } from './role-calls.js';

const REMEMBERED_MS = 1_000;

/**
 * What the roles say of themselves, for answers that anyone may ask for: however many ask, the roles are asked once at a time,
 * and what they said, or that they said nothing, holds for a second.
 */
export class RoleStatuses {
  readonly asked: () => Promise<readonly RoleAnswer<'status'>[]>;

  constructor(calls: RoleCalls) {
    const ask = () => calls.callAll('status', {}, ownContext('status', STATUS_TIMEOUT_MS), STATUS_TIMEOUT_MS);
    this.asked = remembered(ask, REMEMBERED_MS);
  }
}
