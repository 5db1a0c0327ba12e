import type { Role } from '@dta/identity';
import type { Health } from '@dta/service';
import { setTimeout as delay } from 'node:timers/promises';

/** A role that can't do its work, and why. */
export interface RoleNotReady {
  /** `fiduciary-3` */
  readonly name: string;
  /** each part that is away: `identity away (identity_frozen)` */
  readonly reason: string;
}

/** What is waited for. */
export interface StartedRole {
  readonly name: string;
  readonly role: Role;
  readonly health: Health;
}

/** What a wait may be given. */
export interface ReadyOptions {
  /** ends the wait */
  readonly signal: AbortSignal;
  /** told each time that it was looked, with what isn't ready yet */
  readonly tell?: (missing: readonly RoleNotReady[]) => void;
  /** how long the others have once the principal is ready, 10,000 by default */
  readonly othersWithinMs?: number;
}

const LOOK_EVERY_MS = 100;

/**
 * Waits until a node of these roles is ready, as its gateway would say it (docs/adr/0018): for the principal as long as it
 * takes, for the others a while more, since orders go on without some of them.
 *
 * @returns those that aren't ready
 * @throws the signal's reason
 */
export async function untilReady(
  roles: readonly StartedRole[],
  { signal, tell, othersWithinMs = 10_000 }: ReadyOptions,
): Promise<readonly RoleNotReady[]> {
  let othersUntil = Infinity;
  for (;;) {
    const looked = await Promise.all(roles.map(look));
    signal.throwIfAborted();
    const missing = looked.filter((role) => role !== null);
    tell?.(missing);
    const isPrincipalMissing = roles.some(({ role }, at) => role === 'principal' && looked[at] !== null);
    if (missing.length === 0) return missing;
    if (!isPrincipalMissing) othersUntil = Math.min(othersUntil, performance.now() + othersWithinMs);
    if (!isPrincipalMissing && performance.now() >= othersUntil) return missing;
    await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

async function look({ name, health }: StartedRole): Promise<RoleNotReady | null> {
  const { ready, parts } = await health.report();
  if (ready) return null;
  const away = Object.entries(parts).filter(([, state]) => state !== 'up');
  return { name, reason: away.map(([part, state]) => `${part} ${state}`).join(', ') };
}

/** `fiduciary-3 (identity away (identity_frozen))`, each after the other. */
export function sayMissing(missing: readonly RoleNotReady[]): string {
  return missing.map(({ name, reason }) => `${name} (${reason})`).join('; ');
}
