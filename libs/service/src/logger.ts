import type { LoggerService } from '@nestjs/common';
import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino';

/** A log of JSON lines. Fields first, then one sentence: `log.info({ requestId, orderReference }, 'order placed')`. */
export type Logger = PinoLogger;

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** How a log is made. */
export interface LoggerOptions {
  /** The process's or the role's, a field of each line. */
  name: string;
  level?: LogLevel;
  /** Standard output by default. */
  destination?: DestinationStream;
}

/** Fields that no line may show, whoever logs them and two objects deep. */
const secretFields = [
  ...['authorization', 'token', 'password', 'passphrase', 'pin', 'credentials', 'cookie'],
  ...['secret', 'psk', 'seed', 'share', 'privateKey', 'plaintext', 'plainText'],
];

/** A log that shows no field of a secret's name. Errors go under `err`, with their cause and stack. */
export function createLogger({ name, level = 'info', destination }: LoggerOptions): Logger {
  const options = {
    name,
    level,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: secretFields.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]), censor: '[hidden]' },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** Nest's own lines in this log: warnings and errors as they are, the chatter of its start as `debug`. */
export function nestLogger(logger: Logger): LoggerService {
  const at =
    (level: 'fatal' | 'error' | 'warn' | 'debug' | 'trace') =>
    (message: unknown, ...rest: unknown[]) => {
      const context = rest.at(-1);
      const fields = {
        ...(typeof context === 'string' && { context }),
        ...(message instanceof Error && { err: message }),
      };
      logger[level](fields, message instanceof Error ? message.message : String(message));
    };
  return {
    fatal: at('fatal'),
    error: at('error'),
    warn: at('warn'),
    log: at('debug'),
    debug: at('debug'),
    verbose: at('trace'),
  };
}

/** The trace that a line belongs to, of a W3C `traceparent`; no field where there is none. */
export function traceIdOf(traceparent: string | null): { readonly traceId?: string } {
  const [, traceId] = /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(traceparent ?? '') ?? [];
  return traceId === undefined ? {} : { traceId };
}
