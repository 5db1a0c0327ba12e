import { createHash, timingSafeEqual } from 'node:crypto';
import { TOKEN_MAX_CHARS } from '@dta/contracts';
import { routes, type Route } from '@dta/contracts/rest';
import { DtaError } from '@dta/errors';
import { rememberToken } from '../request-context.js';
import type { Check } from './middleware.js';

const publicPaths = Object.values<Route>(routes)
  .filter(({ isPublic }) => isPublic)
  .map(({ path }) => path);

/** Asks every request but those to public paths for a token whose SHA-256 [32] is given; compares in constant time. */
export function bearerToken(tokenHashes: readonly Uint8Array[]): Check {
  const isHashOf = (token: string) => {
    const shown = sha256(token);
    return tokenHashes.filter((hash) => timingSafeEqual(shown, hash)).length > 0; // looks at all
  };
  return (request) => {
    if (isPublic(request.path)) return;
    const [, token] = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(request.get('Authorization') ?? '') ?? [];
    const isKnown = token !== undefined && token.length <= TOKEN_MAX_CHARS && isHashOf(token);
    if (!isKnown) throw new DtaError('unauthenticated', 'a bearer token of this gateway is needed');
    rememberToken(request, token);
  };
}

function isPublic(path: string): boolean {
  return publicPaths.includes(path) || path.startsWith('/docs/');
}

function sha256(text: string): Uint8Array {
  return createHash('sha256').update(text).digest();
}

const ownHost = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i;

/**
 * What stands in for a token in the standalone node: a request must name this machine as its host, so that no site that
 * rebinds its name to 127.0.0.1 gets in, and where a page sends it, that page must be the node's own.
 */
export const ownMachineOnly: Check = (request) => {
  const host = request.get('Host') ?? '';
  if (!ownHost.test(host)) {
    throw new DtaError('forbidden', 'this node answers to the hosts localhost, 127.0.0.1 and [::1] only');
  }
  const origin = request.get('Origin');
  if (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`) {
    throw new DtaError('forbidden', 'this node answers to no page of another origin');
  }
};
