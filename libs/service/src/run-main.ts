import { once } from 'node:events';
import { isDtaError } from '@dta/errors';
import { EXIT_CONFIGURATION } from './command-line.mjs';
import type { Logger } from './logger.js';

/** What a start function gives. */
export interface Running {
  /** Drains and ends; may be called once. */
  stop(): Promise<void>;
}

/** How a process runs; `C` is its configuration. */
export interface RunOptions<C> {
  /** The process's, for its sentences. */
  readonly name: string;
  readonly configure: () => C;
  readonly logger: (config: C) => Logger;
  /**
   * `stopping` is aborted at the first signal, also while the start runs. A start that takes its time then clears up and
   * throws the signal's reason; one that goes on to its end is stopped after it. null: all is done, and the process ends.
   */
  readonly start: (config: C, logger: Logger, stopping: AbortSignal) => Promise<Running | null>;
  /** Tells of a failed start with stack and causes; for who looks for the reason (LOG_LEVEL=debug). */
  readonly verbose?: boolean;
  /** How long it may take from the first signal before the process ends all the same; 30,000 by default. */
  readonly stopWithinMs?: number;
}

/** Ended after a clean stop. */
const exitStopped = 0;
/** A start that failed, a crash, or a stop that failed or took too long. */
const exitFailed = 1;

/**
 * The whole life of a process: reads its configuration, starts, runs until SIGINT or SIGTERM, stops with a drain, exits. The
 * first signal counts from the beginning, a second one exits at once. Exit codes: 0 stopped, 78 configuration, 1 everything else.
 */
export async function runMain<C>(options: RunOptions<C>): Promise<void> {
  let logger: Logger | undefined;
  const end = (exitCode: number, sentence: string, error?: unknown) => {
    logger?.fatal({ err: error }, sentence);
    if (logger === undefined) process.stderr.write(`${sentence}\n`);
    process.exit(exitCode);
  };
  process.on('uncaughtException', (error) => end(exitFailed, 'an exception that nobody caught', error));
  process.on('unhandledRejection', (error) => end(exitFailed, 'a rejection that nobody handled', error));
  const stopping = untilSignal();
  const { stopWithinMs = 30_000 } = options;
  stopping.addEventListener('abort', () => {
    setTimeout(() => end(exitFailed, `the stop took more than ${stopWithinMs} ms`), stopWithinMs);
  });
  try {
    const config = options.configure();
    logger = options.logger(config);
    const running = await options.start(config, logger, stopping);
    if (running !== null && !stopping.aborted) await once(stopping, 'abort');
    await running?.stop().catch((error: unknown) => end(exitFailed, 'the stop failed', error));
  } catch (error) {
    if (!stopping.aborted || error !== stopping.reason) {
      tellStartFailure(options, error);
      process.exit(isDtaError(error, 'configuration_invalid') ? EXIT_CONFIGURATION : exitFailed);
    }
  }
  process.exit(exitStopped);
}

/** Aborted at the first SIGINT or SIGTERM; any later one ends the process at once, as a shell expects of it. */
function untilSignal(): AbortSignal {
  const asked = new AbortController();
  for (const [signal, number] of [['SIGINT', 2] as const, ['SIGTERM', 15] as const]) {
    process.on(signal, () => {
      if (asked.signal.aborted) process.exit(128 + number);
      asked.abort();
    });
  }
  return asked.signal;
}

/** One sentence for the person at the terminal. What isn't a `DtaError` may be anything, so its own message is shown. */
function tellStartFailure<C>({ name, verbose = false }: RunOptions<C>, error: unknown): void {
  const reason = isDtaError(error) ? `${error.message} (${error.code})` : messageOf(error);
  process.stderr.write(`${name} can't start: ${reason}\n`);
  if (verbose && error instanceof Error) process.stderr.write(`${stacks(error)}\n`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function stacks(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stacks(error.cause)}` : '';
  return `${error.stack ?? error.message}${cause}`;
}
