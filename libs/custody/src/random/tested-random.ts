import { wipe } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import { startHealthTests } from './health-tests.js';

/** Bytes that are read from a source at a time: one call to it serves many. At least 1,024, as start-up tests want. */
export const BLOCK_BYTES = 4_096;

/**
 * A provider's randomness, read in blocks, every one tested before a byte of it is issued (SP 800-90B §4.3: the first
 * block is the start-up test). After a fault nothing is issued any more until the provider is opened again.
 *
 * @param source gives as many random bytes as asked for, in an array that becomes ours
 * @returns gives `length` bytes, none of them twice. @throws `custody_unavailable` after a fault, or what `source` throws
 */
export function testedRandom(source: (length: number) => Promise<Uint8Array>): (length: number) => Promise<Uint8Array> {
  const tests = startHealthTests();
  let stopped: DtaError | undefined;
  let block: Uint8Array = new Uint8Array();
  let reading: Promise<void> | undefined;

  const readBlock = async () => {
    const fresh = await source(BLOCK_BYTES);
    const fault = fresh.length === BLOCK_BYTES ? tests.fault(fresh) : 'length';
    if (fault !== null) {
      wipe(fresh);
      stopped = new DtaError('custody_unavailable', `the randomness of custody failed its health test (${fault})`);
      throw stopped;
    }
    block = fresh;
  };
  return async (length) => {
    const issued = new Uint8Array(length);
    let filled = 0;
    while (filled < length || stopped !== undefined) {
      if (stopped !== undefined) throw stopped;
      if (block.length === 0) {
        reading ??= readBlock().finally(() => (reading = undefined));
        await reading;
        continue;
      }
      const taken = block.subarray(0, length - filled);
      block = block.subarray(taken.length);
      issued.set(taken, filled);
      filled += taken.length;
      taken.fill(0); // nobody gets it again
    }
    return issued;
  };
}
