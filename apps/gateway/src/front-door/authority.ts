import { DtaError } from '@dta/errors';
import type { Request } from 'express';
import type { Check } from './middleware.js';

/** Headers that say something once: of two, this gateway and a proxy before it could believe different ones. */
const single: readonly string[] = [
  ...['Host', 'Authorization', 'Content-Type', 'Content-Length', 'Content-Encoding', 'Transfer-Encoding', 'Expect'],
  ...['Origin', 'Idempotency-Key', 'Last-Event-ID'],
];

/**
 * Refuses a request that says twice what is said once, or names another authority in its target than in `Host`: what lets it
 * in looks at `Host` alone. A target with the same authority is taken (RFC 9112, section 3.2.2).
 */
export const oneAuthority: Check = (request) => {
  const names = request.rawHeaders.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
  const twice = single.find((name) => names.filter((one) => one === name.toLowerCase()).length > 1);
  if (twice !== undefined) throw new DtaError('request_invalid', `the header ${twice} may stand once only`);
  if (request.originalUrl.startsWith('/')) return;
  const [, authority] = /^https?:\/\/([^/?#]+)/i.exec(request.originalUrl) ?? [];
  if (authority === undefined) throw new DtaError('request_invalid', 'the target of a request must be a path or a URL');
  if (authority.toLowerCase() !== hostOf(request)) {
    throw new DtaError('request_invalid', 'the target of the request names another host than its header Host');
  }
};

function hostOf(request: Request): string {
  return (request.get('Host') ?? '').toLowerCase();
}
