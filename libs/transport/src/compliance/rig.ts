import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { DtaError, type ErrorCode } from '@dta/errors';
import { Gate } from '../gate.js';
import type { OnError } from '../responder.js';
import type { Handler, ServeOptions, Transport } from '../transport.js';

/** What a case asks of a connection. */
export interface OpenOptions {
  drainMs?: number;
  onError?: OnError;
}

/** Opens one more connection to the broker under test. */
export type OpenTransport = (options?: OpenOptions) => Promise<Transport>;

/** A promise of the port and how it is checked. */
export interface Case {
  readonly name: string;
  check(open: OpenTransport): Promise<void>;
}

/** Remembers what was opened, to close it whatever happens. */
export function openTracked(open: OpenTransport): { open: OpenTransport; closeAll(): Promise<void> } {
  const opened: Transport[] = [];
  return {
    async open(options) {
      const transport = await open({ drainMs: 2_000, ...options });
      opened.push(transport);
      return transport;
    },
    closeAll: async () => void (await Promise.all(opened.map((transport) => transport.close()))),
  };
}

/** A subject nobody else uses. */
export function newSubject(): string {
  return `dta.compliance.${randomBytes(8).toString('hex')}`;
}

/** Serves with a gate of its own where none is given. */
export function serve(transport: Transport, subject: string, handler: Handler, options: Partial<ServeOptions> = {}) {
  return transport.serve(subject, { group: 'members', gate: new Gate(), ...options }, handler);
}

/** Text as bytes. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Bytes as text. */
export function text(payload: Uint8Array): string {
  return new TextDecoder().decode(payload);
}

/** The `DtaError` of `code` that `outcome` must reject with. */
export async function refusal(outcome: Promise<unknown>, code: ErrorCode): Promise<DtaError> {
  const error: unknown = await outcome.then(
    () => assert.fail(`expected ${code}, got a reply`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof DtaError, `expected a DtaError, got ${String(error)}`);
  assert.equal(error.code, code, error.message);
  return error;
}

/** A promise and what settles it. */
export function latch(): { readonly opened: Promise<void>; open(): void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

/** Settles once it `holds`. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let waited = 0; !(await holds()); waited += 10) {
    assert.ok(waited < 10_000, 'what was waited for never came');
    await delay(10);
  }
}
