import { BUNDLE_MAX_BYTES, DRAIN_MS } from '@dta/contracts';
import type { Role } from '@dta/identity';
import {
  createLogger,
  createMonitor,
  readConfig,
  runMain,
  serveMonitors,
  type Logger,
  type SettingsSchema,
} from '@dta/service';
import { connectNats, type NatsOptions } from '@dta/transport';
import type { z } from 'zod';
import type { RoleParts } from './node.js';
import type { RoleConfig } from './role-config.js';
import type { RunningRole } from './role-app.js';

/** Runs a role as a process of its own: settings from `env`, NATS, until a signal ends it. */
export function runRole<S extends SettingsSchema & z.ZodType<RoleConfig>>(
  role: Role,
  schema: S,
  env: Readonly<Record<string, string | undefined>>,
  start: (config: z.output<S>, parts: RoleParts) => Promise<RunningRole>,
): Promise<void> {
  return runMain({
    name: role,
    configure: () => readConfig(schema, env),
    logger: (config) => createLogger({ name: role, level: config.LOG_LEVEL }),
    verbose: env['LOG_LEVEL'] === 'debug',
    stopWithinMs: DRAIN_MS + 5_000,
    start: async (config, log) => {
      const monitor = createMonitor(role);
      const { METRICS_PORT: port, METRICS_HOST: host } = config;
      // before anything that may take its time, so that whoever looks sees a process that starts
      const shown =
        port === undefined ? undefined : await serveMonitors({ port, host, monitors: [monitor], logger: log });
      const transport = await connectNats(natsOptions(role, config, log));
      const running = await start(config, { transport, log, monitor });
      log.info({ role }, 'ready');
      return {
        stop: async () => {
          await running.stop();
          await transport.close();
          await shown?.stop();
        },
      };
    },
  });
}

/** How a role connects to NATS by its settings. */
export function natsOptions(role: Role, config: RoleConfig, log: Logger): NatsOptions {
  return {
    servers: config.NATS_URL,
    name: role,
    minPayload: BUNDLE_MAX_BYTES,
    drainMs: DRAIN_MS,
    ...(config.NATS_USER !== undefined && { user: config.NATS_USER }),
    ...(config.NATS_PASSWORD !== undefined && { password: config.NATS_PASSWORD }),
    ...(config.NATS_CREDENTIALS !== undefined && { credentials: config.NATS_CREDENTIALS }),
    onError: (error, subject) => log.error({ err: error, subject }, 'a message was not handled'),
    onStatus: (status) => log[status === 'disconnected' ? 'warn' : 'info']({ status }, 'NATS'),
  };
}
