import { BUNDLE_MAX_BYTES, DRAIN_MS } from '@dta/contracts';
import type { Role } from '@dta/identity';
import { createLogger, readConfig, runMain, type Logger, type SettingsSchema } from '@dta/service';
import { connectNats, type Transport } from '@dta/transport';
import type { z } from 'zod';
import type { RoleConfig } from './role-config.js';
import type { RunningRole } from './role-app.js';

/** What a role is given by whoever starts it. */
export interface RoleParts {
  readonly transport: Transport;
  readonly log: Logger;
}

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
      const transport = await connect(role, config, log);
      const running = await start(config, { transport, log });
      log.info({ role }, 'ready');
      return {
        stop: async () => {
          await running.stop();
          await transport.close();
        },
      };
    },
  });
}

function connect(role: Role, config: RoleConfig, log: Logger): Promise<Transport> {
  return connectNats({
    servers: config.NATS_URL,
    name: role,
    minPayload: BUNDLE_MAX_BYTES,
    drainMs: DRAIN_MS,
    ...(config.NATS_USER !== undefined && { user: config.NATS_USER }),
    ...(config.NATS_PASSWORD !== undefined && { password: config.NATS_PASSWORD }),
    onError: (error, subject) => log.error({ err: error, subject }, 'a message was not handled'),
    onStatus: (status) => log[status === 'disconnected' ? 'warn' : 'info']({ status }, 'NATS'),
  });
}
