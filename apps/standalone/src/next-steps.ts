import type { RunningStandalone, StandaloneOptions } from './start-standalone.js';
import { sayMissing, type RoleNotReady } from './until-ready.js';

/** Tells the person at the terminal what protects nothing, what runs, and how to place and redeem a first order. */
export function sayNextSteps(
  { port, metricsPort, folder, missing }: RunningStandalone,
  { fiduciaries, token }: StandaloneOptions,
): void {
  const api = `http://localhost:${port}`;
  const newest = `curl -s '${api}/v1/order?page=0&perPage=1' | grep -o 'bafy[a-z2-7]*' | head -1`;
  const metrics = metricsPort === null ? '' : `\nMetrics: http://localhost:${metricsPort}/metrics`;
  const custody = token === null ? '' : ` Keys are in the token "${token.token}".`;
  if (token === null) process.stdout.write(`\n${softwareCustody(folder)}\n`);
  if (missing.length > 0) process.stdout.write(`\n${notReady(missing)}\n`);
  process.stdout.write(`
D-TA is ready on ${api} (gateway, principal, beneficiary, ${fiduciaries} ${fiduciaries === 1 ? 'fiduciary' : 'fiduciaries'}).
For trying out: one process is every role.${custody} Its files: ${folder}${metrics}

Order a key whose secret nobody holds:
  curl -s -X POST ${api}/v1/order -H 'content-type: application/json' -d '{}'

Redeem the newest order:
  curl -s -X POST ${api}/v1/order/secret -H 'content-type: application/json' -d "{\\"orderReference\\":\\"$(${newest})\\"}"

All of the API: ${api}/docs       Stop: Ctrl-C
`);
}

function notReady(missing: readonly RoleNotReady[]): string {
  return `Warning: not ready: ${sayMissing(missing)}.
Orders that need it wait or are refused.`;
}

function softwareCustody(folder: string): string {
  return `Warning: custody is software. Whoever can read ${folder} can open every secret of this node;
for secrets, use an HSM (--pkcs11).`;
}
