import type { Role } from '@dta/identity';
import { beneficiaryTransitions, fiduciaryTransitions, principalTransitions } from '@dta/order';
import { durationBuckets } from '@dta/service';
import type { Answered, Gate } from '@dta/transport';
import { Gauge, Histogram, type Registry } from 'prom-client';
import { readBacklog, type Backlog } from './backlog.js';
import type { Admission } from './admission.js';
import type { Clock } from './clock.js';
import type { Database } from './database.js';
import type { CustodyOperation } from './measured-custody.js';

/** What a role's gauges are read from when somebody asks. */
export interface MetricSources {
  readonly role: Role;
  readonly database: Database;
  readonly gate: Gate;
  readonly waiterGate: Gate;
  readonly admission: Pick<Admission, 'lines'>;
  readonly clock: Clock;
}

/** Where a role's parts tell what they do. Labels are verbs and codes of our own: no peer can make one. */
export interface RoleMetrics {
  /** A message of a peer or a call of the gateway that was answered. */
  request(kind: 'peer' | 'internal', verb: string, answered: Answered): void;
  custody(operation: CustodyOperation): void;
}

/** Makes what a role counts of itself, in its own registry (docs/operations.md, Metrics and alerts). */
export function createRoleMetrics(registry: Registry): RoleMetrics {
  const requests = new Histogram({
    name: 'dta_request_duration_seconds',
    help: "Requests answered: peers' messages by their verb, the gateway's calls by theirs; `code` is `ok` or the error's",
    labelNames: ['kind', 'verb', 'code'],
    buckets: durationBuckets,
    registers: [registry],
  });
  const custody = new Histogram({
    name: 'dta_custody_operation_duration_seconds',
    help: "Operations of custody (software or HSM); `code` is `ok` or the error's",
    labelNames: ['operation', 'code'],
    buckets: durationBuckets,
    registers: [registry],
  });
  return {
    request: (kind, verb, { code, seconds }) => requests.observe({ kind, verb, code }, seconds),
    custody: ({ operation, code, seconds }) => custody.observe({ operation, code }, seconds),
  };
}

/** Makes the gauges of a role, which are read when somebody asks for them. */
export function createRoleGauges(
  registry: Registry,
  { role, database, gate, waiterGate, admission, clock }: MetricSources,
): void {
  const gauge = (name: string, help: string, labelNames: readonly string[], read: (self: Gauge) => void) =>
    new Gauge({
      ...{ name, help, labelNames, registers: [registry] },
      collect() {
        read(this);
      },
    });
  gauge('dta_messages_in_work', 'Messages in work (`work`), and calls that only wait (`wait`)', ['gate'], (self) => {
    self.set({ gate: 'work' }, gate.load.inWork);
    self.set({ gate: 'wait' }, waiterGate.load.inWork);
  });
  gauge('dta_messages_queued', 'Messages that wait for a place in work', [], (self) => self.set(gate.load.queued));
  gauge('dta_database_connections', 'Connections of the pool, by what they do', ['state'], (self) => {
    const { open, idle } = database.pool;
    self.set({ state: 'busy' }, open - idle);
    self.set({ state: 'idle' }, idle);
  });
  gauge('dta_database_waiting', 'Statements that wait for a connection of the pool', [], (self) =>
    self.set(database.pool.waiting),
  );
  gauge('dta_clock_skew_seconds', "How far the process's clock is ahead of its database's", [], (self) => {
    if (clock.skewMs === null) self.remove();
    else self.set(clock.skewMs / 1000);
  });
  gauge(
    'dta_chains_frozen',
    'Admitted chains whose live key made two successors: nothing is sealed to them',
    [],
    (self) => self.set(admission.lines().filter(({ rivals }) => rivals.length > 0).length),
  );
  gauge('dta_chain_forks', 'Other successors that retired keys of admitted chains made, kept as evidence', [], (self) =>
    self.set(admission.lines().reduce((sum, { forks }) => sum + forks.length, 0)),
  );
  createBacklogGauges(registry, readBacklog(database), statesOf(role));
}

/** The states that an order of a role can be in (docs/protocol.md §6). */
function statesOf(role: Role): readonly string[] {
  const tables = {
    principal: principalTransitions,
    fiduciary: fiduciaryTransitions,
    beneficiary: beneficiaryTransitions,
  } as const;
  return Object.keys(tables[role]).filter((state) => state !== 'none');
}

/** While the database is away these are absent, not zero: nobody knows them then. */
function createBacklogGauges(registry: Registry, read: () => Promise<Backlog>, states: readonly string[]): void {
  const gauge = (name: string, help: string, labelNames: readonly string[], set: (self: Gauge, now: Backlog) => void) =>
    new Gauge({
      ...{ name, help, labelNames, registers: [registry] },
      async collect() {
        const now = await read().catch(() => undefined);
        this.reset();
        if (now !== undefined) set(this, now);
        else if (labelNames.length === 0) this.remove(); // a reset leaves a zero where there are no labels
      },
    });
  gauge('dta_orders', 'Orders by state, those at their end included', ['state'], (self, { orders }) => {
    for (const state of states) self.set({ state }, 0); // else the first order that fails is no rise: its series begins at 1
    for (const [state, count] of orders) self.set({ state }, count);
  });
  gauge('dta_deliveries_owed', 'Messages that a recipient has not answered yet', ['verb'], (self, { deliveries }) => {
    for (const [verb, { count }] of deliveries) self.set({ verb }, count);
  });
  gauge(
    'dta_deliveries_oldest_seconds',
    'Age of the oldest message that a recipient has not answered yet',
    ['verb'],
    (self, { deliveries }) => {
      for (const [verb, { oldestSeconds }] of deliveries) self.set({ verb }, oldestSeconds);
    },
  );
  gauge('dta_publications_owed', 'Envelopes that the shared log still lacks', [], (self, { publications }) =>
    self.set(publications.count),
  );
  gauge(
    'dta_publications_oldest_seconds',
    'Age of the oldest envelope that the shared log still lacks',
    [],
    (self, { publications }) => self.set(publications.oldestSeconds),
  );
}
