import { Gauge, Registry } from 'prom-client';
import { createHealth, type Health } from './health.js';

/** What can be seen of a process, or of a role where several live in one: its metrics and its health. */
export interface Monitor {
  /** Who it is of, for people: `principal`. */
  readonly name: string;
  /** Its own, never prom-client's global one: two roles may live in one process. */
  readonly registry: Registry;
  readonly health: Health;
}

/** A monitor whose metrics all have `role` as a label; whoever knows more of itself adds it (`setDefaultLabels`). */
export function createMonitor(role: string, name: string = role): Monitor {
  const registry = new Registry();
  registry.setDefaultLabels({ role });
  const health = createHealth();
  const up = new Gauge({
    name: 'dta_part_up',
    help: '1 where a part that the process stands on is up, else 0: nats, postgres, custody …',
    labelNames: ['part'],
    registers: [registry],
    collect: async () => {
      const { parts, degraded } = await health.report();
      up.reset();
      for (const [part, state] of Object.entries({ ...parts, ...degraded })) up.set({ part }, state === 'up' ? 1 : 0);
    },
  });
  return { name, registry, health };
}

/** Seconds, from a look-up in a cache to the longest wait of a request. */
export const durationBuckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
