import { bytesEqual, toHex } from '@dta/codec';
import { randomBytes } from '@dta/crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { KeyName } from '../custody.js';
import type { Session } from './connection.js';
import { isNoObject } from './cryptoki.js';
import {
  destroyObjects,
  findCandidates,
  findKeys,
  generateCandidate,
  KEY_ID_BYTES,
  settleOn,
  type KeyObject,
} from './key-objects.js';
import type { Token } from './token.js';

/** How long a candidate of another replica is waited for; one that died leaves its own behind. */
const PATIENCE_MS = 1_500;
const LOOK_AGAIN_MS = 20;
/** How often a token is asked for a key that it doesn't make. */
const ATTEMPTS = 3;

/** How often in a row a replica must find its candidate alone: a key that is being renamed may be missed by one look. */
const LOOKS = 3;

/** What a replica finds about its candidate. */
type Finding = 'settled' | 'lost' | 'wait' | 'alone';

/**
 * Has the token make the key `name`, which may at any time be made by other replicas too: Cryptoki has no name that only
 * one object can bear.
 *
 * Each makes a *candidate*, then looks. Where there is a key already, or a candidate with a lower CKA_ID, it destroys its
 * own and takes the other's. Where its own is the only one,
 * {@link LOOKS} times, it makes it the key. Of two that both did, each would have
 * looked before the other's candidate was made, and after its own: there are no two. A candidate seals nothing, so none
 * that is destroyed loses anything; and a key is destroyed by `destroy` alone. Only where a replica stands still for
 * {@link PATIENCE_MS} between two of these steps may there be two keys of a name in the end. Then the lower seals, both
 * open, and both go together.
 */
export async function createKey(token: Token, name: KeyName): Promise<void> {
  const ignored = new Set<string>(); // candidates that nobody will ever settle on
  for (;;) {
    const own = await makeCandidate(token, name);
    if ((await settleOrYield(token, name, own, ignored)) === 'settled') return;
    if (await appears(token, name)) return;
    // who won has died: its candidate is left out from here on
    await token.use((session) => {
      for (const { id } of findCandidates(session, name)) ignored.add(toHex(id));
    });
  }
}

/** Gives its CKA_ID [16]. */
async function makeCandidate(token: Token, name: KeyName): Promise<Uint8Array> {
  for (let attempt = 1; ; attempt += 1) {
    const own = randomBytes(KEY_ID_BYTES);
    try {
      await token.use((session) => generateCandidate(session, name, own));
      return own;
    } catch (error) {
      // SoftHSM may find a sound template inconsistent while another process reads the object that it is writing
      if (attempt === ATTEMPTS) throw error;
      await delay(LOOK_AGAIN_MS);
    }
  }
}

/** `settled` where there is a key now, `lost` where another's candidate is lower and ours gone. */
async function settleOrYield(
  token: Token,
  name: KeyName,
  own: Uint8Array,
  ignored: ReadonlySet<string>,
): Promise<'settled' | 'lost'> {
  const limit = performance.now() + PATIENCE_MS;
  for (let alone = 0; ; await delay(LOOK_AGAIN_MS)) {
    const isPatient = performance.now() < limit;
    const found = await token.use((session) => look(session, name, own, ignored, isPatient, alone === LOOKS - 1));
    if (found === 'settled' || found === 'lost') return found;
    alone = found === 'alone' ? alone + 1 : 0;
  }
}

/** Without a pause, so that what it saw is what it acts on, but for other processes. Settles where `maySettle`. */
function look(
  session: Session,
  name: KeyName,
  own: Uint8Array,
  ignored: ReadonlySet<string>,
  isPatient: boolean,
  maySettle: boolean,
): Finding {
  const isOwn = ({ id }: KeyObject) => bytesEqual(id, own);
  const candidates = findCandidates(session, name); // before the keys: one that is settled on in between is seen there
  const [ours, ...again] = candidates.filter(isOwn); // two where the token went away while it made the first
  const others = candidates.filter((other) => !isOwn(other) && !ignored.has(toHex(other.id)));
  const destroy = (objects: readonly KeyObject[]) =>
    destroyObjects(
      session,
      objects.map(({ handle }) => handle),
    );
  const yieldTo = (finding: Finding): Finding => {
    if (ours !== undefined) destroy([ours]);
    return finding;
  };
  destroy(again);
  const keys = findKeys(session, name);
  if (keys.some(isOwn)) return 'settled';
  if (ours === undefined && isPatient) return 'wait'; // missed by this look: yielding now would leave it behind for ever
  if (keys.length > 0) return yieldTo('settled');
  if (ours === undefined) return 'lost'; // destroyed with all of this name
  if (others.some(({ id }) => toHex(id) < toHex(own))) return yieldTo('lost');
  if (others.length > 0 && isPatient) return 'wait'; // a higher one yields, or has looked before ours was there and settles
  if (!maySettle) return 'alone';
  try {
    settleOn(session, ours, name);
    return 'settled';
  } catch (error) {
    if (isNoObject(error)) return 'lost';
    throw error;
  }
}

/** Whether the key comes to be there. */
async function appears(token: Token, name: KeyName): Promise<boolean> {
  for (const limit = performance.now() + 2 * PATIENCE_MS; performance.now() < limit; await delay(LOOK_AGAIN_MS)) {
    if ((await token.use((session) => findKeys(session, name))).length > 0) return true;
  }
  return false;
}
