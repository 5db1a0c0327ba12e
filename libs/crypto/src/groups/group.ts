/** Arithmetic modulo the prime order q of a group, on integers from 0 to q − 1; not in constant time (see the README). */
export interface ScalarField {
  /** q */
  readonly ORDER: bigint;
  add(a: bigint, b: bigint): bigint;
  sub(a: bigint, b: bigint): bigint;
  mul(a: bigint, b: bigint): bigint;
  /** a/b; `b` isn't 0. */
  div(a: bigint, b: bigint): bigint;
}

/**
 * A group of prime order q, below 2^256, in which the key of an order lies: all that sharing and the order's statements
 * need of a curve (ADR 26). A scalar is 32 bytes, big-endian, of every group. A point is the group's canonical compressed
 * encoding; the identity has none.
 *
 * `Element` is a point as the group adds it, checked when it was decoded. None but the group it is of looks into one.
 */
export interface Group<Element = unknown> {
  /** What a Request calls it. */
  readonly name: string;
  /** Size of a point in bytes. */
  readonly pointBytes: number;
  /** Size of a proof of possession in bytes. */
  readonly popBytes: number;
  readonly scalarField: ScalarField;
  readonly identity: Element;

  /**
   * Reads a point [pointBytes].
   *
   * @throws DtaError `point_invalid` unless it has that size, is canonical, in the group of order q, and not the identity
   */
  decode(point: Uint8Array): Element;
  /** The point [pointBytes] of an element, null of the identity. */
  encode(element: Element): Uint8Array | null;
  /** a + b. */
  add(a: Element, b: Element): Element;
  /** scalar · element for a scalar [32] that is neither 0 nor secret: the time may depend on it. */
  multiply(element: Element, scalar: Uint8Array): Element;

  /**
   * s·G [pointBytes] for a secret scalar [32] that isn't 0.
   *
   * @throws DtaError `scalar_invalid` when it isn't 32 bytes, is 0 or isn't below q
   */
  publicPoint(scalar: Uint8Array): Uint8Array;
  /**
   * A proof [popBytes] over a digest [32] that its maker knows the scalar [32]. The digest must contain the point: a proof need
   * not tell a point from its negative.
   *
   * @throws DtaError `scalar_invalid` as {@link publicPoint}, `signature_invalid` when the digest isn't 32 bytes
   */
  popSign(scalar: Uint8Array, digest: Uint8Array): Uint8Array;
  /** Whether `pop` proves possession of the scalar of `point`, or of its negative. Never throws; other sizes are false. */
  popVerify(point: Uint8Array, digest: Uint8Array, pop: Uint8Array): boolean;
}
