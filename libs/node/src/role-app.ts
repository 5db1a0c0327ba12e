import { internalSubject, peerSubject, queueGroup } from '@dta/contracts';
import { DtaError } from '@dta/errors';
import { nestLogger } from '@dta/service';
import { DtaRpcExceptionFilter, DtaTransportStrategy } from '@dta/transport';
import type { DynamicModule, INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { startAnnouncer } from './announcer.js';
import { watchClock } from './clock.js';
import type { Node } from './node.js';
import { periodically } from './periodic.js';
import { startPublisher } from './publisher.js';

/** How often a role looks whether other documents stand in its folder of admitted identities. */
const ADMITTED_FOLDER_EVERY_MS = 10_000;

/** A role that runs. */
export interface RunningRole {
  /** takes no more messages, finishes those in work, ends its jobs and closes what it opened */
  stop(): Promise<void>;
}

/** Something that a role does of itself, beside answering. */
export interface Job {
  stop(): Promise<void>;
}

/**
 * Serves a role's verbs: handlers named `peer.<verb>` for other nodes, `internal.<verb>` for the operator's gateway, on the
 * subjects of every generation of its identity. Each role is a Nest application of its own.
 */
export async function serveRole(
  node: Node,
  module: DynamicModule,
  startJobs: (app: INestMicroservice) => readonly Job[],
): Promise<RunningRole> {
  const { role, ring, transport, gate, waiterGate, metrics, monitor } = node;
  const strategy = new DtaTransportStrategy({
    transport,
    group: queueGroup(role),
    gate,
    waiterGate,
    subjects: (pattern) => ring.identities.map(({ cid }) => subjectOf(node, pattern, cid)),
    observe: (pattern, answered) => {
      const { kind, verb } = partsOf(pattern);
      // how a sealed call ended stands inside the seal: the internal inbox tells of those
      if (kind === 'peer' || answered.code !== 'ok') metrics.request(kind, verb, answered);
    },
  });
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(module, {
    strategy,
    logger: nestLogger(node.log),
    abortOnError: false,
  });
  app.useGlobalFilters(new DtaRpcExceptionFilter());
  await app.listen();
  const { store } = node;
  if (store === null) node.log.info({ role }, 'no document store is set: what is for the shared log waits');
  const publisher = store === null ? [] : [startPublisher({ ...node, store })];
  const { admittedFolder } = node;
  const folder =
    admittedFolder === null
      ? []
      : [periodically('admitted-folder', ADMITTED_FOLDER_EVERY_MS, node.log, () => admittedFolder.takeAgain())];
  const jobs = [watchClock(node.clock, node.log), ...startJobs(app), startAnnouncer(node), ...publisher, ...folder];
  monitor.health.started();
  return {
    stop: async () => {
      monitor.health.stopping();
      await Promise.all(jobs.map((job) => job.stop()));
      await app.close();
      await node.close();
    },
  };
}

function subjectOf({ role }: Node, pattern: string, cid: Parameters<typeof peerSubject>[0]): string {
  const { kind, verb } = partsOf(pattern);
  return kind === 'peer' ? peerSubject(cid, role, verb) : internalSubject(cid, role, verb);
}

function partsOf(pattern: string): { kind: 'peer' | 'internal'; verb: string } {
  const [kind, verb] = pattern.split('.');
  if (verb === undefined || (kind !== 'peer' && kind !== 'internal')) {
    throw new DtaError('internal', `${pattern} is no pattern of a role`);
  }
  return { kind, verb };
}
