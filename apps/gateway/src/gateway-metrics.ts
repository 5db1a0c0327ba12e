import type { InternalCall, Role } from '@dta/contracts';
import type { ErrorCode } from '@dta/errors';
import { durationBuckets } from '@dta/service';
import { Gauge, Histogram, type Registry } from 'prom-client';

/** How an HTTP request ended. Route and code are of our own tables, whatever was asked for. */
export interface HttpAnswered {
  readonly method: string;
  /** the pattern that matched; `none` where none did */
  readonly route: string;
  readonly status: number;
  /** `ok`, the problem's code, or `gone` where the client went before its answer */
  readonly code: string;
  readonly seconds: number;
}

/** How a call to a role ended: by the role's word, or for want of it. */
export interface CallAnswered {
  readonly call: InternalCall;
  readonly role: Role;
  readonly code: 'ok' | ErrorCode;
  readonly seconds: number;
}

/** Where a gateway's parts tell what they do. */
export interface GatewayMetrics {
  http(answered: HttpAnswered): void;
  call(answered: CallAnswered): void;
  /** how many streams of events are open */
  streams(open: number): void;
}

/** Makes what a gateway counts of itself, in its own registry (docs/operations.md, Metrics and alerts). */
export function createGatewayMetrics(registry: Registry): GatewayMetrics {
  const common = { buckets: durationBuckets, registers: [registry] };
  const http = new Histogram({
    ...common,
    name: 'dta_http_request_duration_seconds',
    help: "Requests over HTTP; `code` is `ok`, the problem's, or `gone` where the client went before its answer",
    labelNames: ['method', 'route', 'status', 'code'],
  });
  const calls = new Histogram({
    ...common,
    name: 'dta_internal_call_duration_seconds',
    help: "Calls to the roles behind the gateway, waits included; `code` is `ok` or the error's",
    labelNames: ['call', 'target', 'code'],
  });
  const streams = new Gauge({ name: 'dta_event_streams', help: 'Open streams of events', registers: [registry] });
  return {
    http: ({ seconds, ...labels }) => http.observe({ ...labels, method: known(labels.method) }, seconds),
    call: ({ call, role, code, seconds }) => calls.observe({ call, target: role, code }, seconds),
    streams: (open) => streams.set(open),
  };
}

function known(method: string): string {
  return ['GET', 'HEAD', 'POST'].includes(method) ? method : 'other';
}
