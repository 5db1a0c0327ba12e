/**
 * The two continuous health tests of NIST SP 800-90B §4.4, over samples of one byte. Their cutoffs follow from two
 * figures: how much entropy a byte has at the least, and how often a source that good may be refused.
 */

/** What a source is taken to give at the least: 6 bits a byte. An HSM's generator claims 8; a broken one has far less. */
export const ENTROPY_BITS_A_BYTE = 6;
/** Rate of false alarms α = 2^-40 a test, the strictest that §4.3 recommends: at 8 bits a byte it is far lower still. */
export const FALSE_ALARM_BITS = 40;
/** Window of the adaptive proportion test for samples that aren't binary (§4.4.2). */
export const WINDOW = 512;

/** Cutoff of the repetition count test: 1 + ⌈−log2(α) / H⌉ (SP 800-90B §4.4.1). */
export function repetitionCutoff(entropyBits: number, falseAlarmBits: number): number {
  return 1 + Math.ceil(falseAlarmBits / entropyBits);
}

/** Cutoff of the adaptive proportion test: 1 + CRITBINOM(W, 2^−H, 1 − α) (SP 800-90B §4.4.2, footnote 10). */
export function proportionCutoff(window: number, entropyBits: number, falseAlarmBits: number): number {
  const p = 2 ** -entropyBits;
  const alpha = 2 ** -falseAlarmBits;
  // from the thin end, so that no small term is lost in a large sum
  let upperTail = 0;
  for (let successes = window; successes > 0; successes -= 1) {
    upperTail += binomialProbability(window, successes, p);
    if (upperTail > alpha) return 1 + successes; // P(X ≥ successes) > α, P(X > successes) ≤ α
  }
  return 1;
}

function binomialProbability(n: number, k: number, p: number): number {
  let logarithm = k * Math.log(p) + (n - k) * Math.log1p(-p);
  for (let i = 1; i <= k; i += 1) logarithm += Math.log((n - k + i) / i);
  return Math.exp(logarithm);
}

/** What a health test found. */
export type HealthFault = 'repetition count' | 'adaptive proportion';

/** The tests of one source, which see every byte that it gives, in order. */
export interface HealthTests {
  /** The test that `bytes` fail, coming after all before them; null where they pass. */
  fault(bytes: Uint8Array): HealthFault | null;
}

/** Tests for one source; they carry their state from one block to the next. */
export function startHealthTests(): HealthTests {
  const repetitions = repetitionCutoff(ENTROPY_BITS_A_BYTE, FALSE_ALARM_BITS);
  const proportion = proportionCutoff(WINDOW, ENTROPY_BITS_A_BYTE, FALSE_ALARM_BITS);
  let last = -1;
  let run = 0;
  let watched = -1;
  let seen = 0;
  let inWindow = WINDOW;
  return {
    fault(bytes) {
      for (const byte of bytes) {
        run = byte === last ? run + 1 : 1;
        last = byte;
        if (run >= repetitions) return 'repetition count';
        if (inWindow === WINDOW) {
          [watched, seen, inWindow] = [byte, 0, 0];
        }
        inWindow += 1;
        if (byte === watched) seen += 1;
        if (seen >= proportion) return 'adaptive proportion';
      }
      return null;
    },
  };
}
