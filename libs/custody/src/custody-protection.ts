import { ascii } from '@dta/codec';
import type { KeyFileProtection } from '@dta/identity';
import type { Custody } from './custody.js';

const KEY = 'identity';
const CONTEXT = ascii('DTA-KEYFILE1');

/** Seals a node's key file by custody, under the key `identity`. */
export function custodyProtection(custody: Custody): KeyFileProtection {
  return {
    kind: 'custody',
    seal: (plaintext) => custody.seal(KEY, CONTEXT, plaintext),
    open: (sealed) => custody.open(KEY, CONTEXT, sealed),
  };
}
