import { fromHex, toHex } from '@dta/codec';
import { secp256k1 } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import { nodeApi, type NodeApi } from '../demo/node-api.js';
import { startOwnNode } from '../demo/own-node.js';
import { readSecretFile } from '../secret-file.js';

/** What the demo is started with. */
export interface DemoOptions {
  readonly url: string;
  readonly tokenFile?: string;
}

type Say = (text: string) => void;

/**
 * Orders a key and redeems it over REST, telling of each step as it goes, and checks that what came out is the private key
 * of what was promised. Where nothing answers at the url it starts a node of its own, and removes it after.
 *
 * @throws `service_unavailable`, `start_failed` with one sentence; also where the check fails
 */
export async function runDemo({ url, tokenFile }: DemoOptions, say: Say): Promise<void> {
  if (!URL.canParse(url)) throw new DtaError('request_invalid', `${url} is no url: http://localhost:5556 is one`);
  const token = await readSecretFile(tokenFile);
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => interrupted.abort(new DtaError('start_failed', 'the demo was interrupted')));
  }
  const { signal } = interrupted;
  say('D-TA makes keys that nobody holds until they are asked for. This orders one, and redeems it.\n\n1. A node');
  const given = nodeApi(url, token, signal);
  if (await given.isThere()) {
    say(`   The one at ${url}.`);
    return orderAndRedeem(given, say);
  }
  say(`   None answers at ${url}, so one starts in a temporary folder, for this demo alone.`);
  const node = await startOwnNode(signal);
  try {
    say(`   It runs at ${node.url}: gateway, principal, beneficiary and three fiduciaries in one process.`);
    await orderAndRedeem(nodeApi(node.url, null, signal), say);
  } finally {
    await node.stop();
    say('\nThe node has stopped, and its folder is gone.');
  }
}

async function orderAndRedeem(node: NodeApi, say: Say): Promise<void> {
  say('\n2. Order a key: POST /v1/order');
  const { orderReference, commitment } = await node.place();
  const placed = await node.order(orderReference);
  const n = placed.fiduciaries.length;
  say(`   order reference  ${orderReference}
   commitment       ${commitment}
${timelineOf(placed)}
   The commitment is a public key of secp256k1, to be used at once: to receive coins, to encrypt to. Its private key is
   nowhere. ${n === 1 ? 'The fiduciary holds' : `Each of the ${n} fiduciaries drew a part of its own and holds`} a share, ${placed.threshold} of ${n} are needed to release it, and the
   beneficiary drew one part more, without which all shares together are worth nothing.`);

  say('\n3. Redeem it: POST /v1/order/secret');
  const secret = await node.redeem(orderReference);
  const released = await node.order(orderReference);
  say(`   secret           ${secret.slice(0, 8)}… (64 digits; a secret is best not shown)
${timelineOf({ timeline: released.timeline.slice(placed.timeline.length) })}
   The principal asked the fiduciaries to release, and they sealed their shares to a key that the beneficiary made for
   this order alone. So the principal passed them on without being able to read them, and the beneficiary, which added
   its own part, is the first to know the private key.`);

  say('\n4. Check that this is the commitment’s private key');
  const point = toHex(secp256k1.publicPoint(fromHex(secret)));
  say(`   secp256k1's base point times the secret, in compressed form, as any wallet makes a public key of a private one:
   it gives         ${point}
   it should give   ${commitment}`);
  if (point !== commitment) throw new DtaError('internal', 'the secret is NOT the private key of the commitment');
  say('   They are the same.');
}

/** When each step came, from the order's start. */
function timelineOf({ timeline }: Pick<Awaited<ReturnType<NodeApi['order']>>, 'timeline'>): string {
  const begin = Date.parse(timeline[0]?.at ?? '');
  const steps = timeline.map(({ at, event }) => `${event} (${Date.parse(at) - begin} ms)`);
  return `   steps            ${steps.join(', ')}`;
}
