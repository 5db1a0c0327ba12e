import type { Cid } from '@dta/codec';
import type { Author } from './evidence.js';
import type { OrderStatement } from './statements.js';
import type { NewSecret, SecretKind } from './secret.js';

/** What a step may use beside its input: nothing else makes its outcome. */
export interface StepContext {
  readonly author: Author;
}

/** What a step that makes secrets may use. */
export interface DrawingContext extends StepContext {
  /** [64] HSM random [32] ‖ system random [32], used for one step */
  readonly seed: Uint8Array;
}

/**
 * What is over after a step, and goes from stored replies and deliveries: with a setup its attachments, with a redemption
 * its Releases too.
 */
export type Settled = 'setup' | 'redemption';

/** What a step of a fiduciary or a beneficiary says comes next; one transaction makes it so. */
export interface Outcome<O> {
  readonly order: O;
  /** signed statements that answer, the message first */
  readonly reply: readonly OrderStatement[];
  /** what travels beside the reply */
  readonly attachments: readonly Uint8Array[];
  /** sealed envelopes that answer beside the reply's */
  readonly envelopes: readonly Uint8Array[];
  /** to seal by custody and store */
  readonly secrets: readonly NewSecret[];
  /** kinds of this order's secrets to delete */
  readonly erase: readonly SecretKind[];
  /** statements to store as the order's evidence */
  readonly keep: readonly OrderStatement[];
  readonly settled: Settled | null;
  /**
   * Whether this step was taken before, so that it changes nothing: where this verb was answered too, the answer is said again
   * and nothing is written (docs/protocol.md §5).
   */
  readonly repeats: boolean;
}

/** The parts of an outcome that most steps leave empty. */
export const nothing = {
  attachments: [],
  envelopes: [],
  secrets: [],
  erase: [],
  keep: [],
  settled: null,
  repeats: false,
} as const;

/** Opens a secret of the order's; the step wipes it. */
export type OpenSecret = (name: {
  what: SecretKind;
  epoch: number;
  transcript: Uint8Array | null;
  index: number | null;
}) => Promise<Uint8Array>;

/** The name of an order's secret that belongs to no transcript or index. */
export function orderSecret(what: SecretKind, request: Cid, epoch = 0): NewSecret['name'] {
  return { what, request, epoch, transcript: null, index: null };
}
