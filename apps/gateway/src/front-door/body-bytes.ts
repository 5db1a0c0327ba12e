const FIRST_BYTES = 4 * 1024;

/** The bytes of a body as they come, copied together: a piece kept by itself costs some hundred bytes, and may hold one. */
export class BodyBytes {
  readonly #maxBytes: number;
  #held: Uint8Array;
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#held = new Uint8Array(Math.min(FIRST_BYTES, maxBytes));
  }

  /** What came so far; a view, good until more comes. */
  get bytes(): Uint8Array {
    return this.#held.subarray(0, this.#length);
  }

  /** Whether the piece was taken: false, and nothing is, where it passes the limit. */
  add(piece: Uint8Array): boolean {
    const length = this.#length + piece.length;
    if (length > this.#maxBytes) return false;
    if (length > this.#held.length) {
      const more = new Uint8Array(Math.min(Math.max(length, 2 * this.#held.length), this.#maxBytes));
      more.set(this.bytes);
      this.#held = more;
    }
    this.#held.set(piece, this.#length);
    this.#length = length;
    return true;
  }
}
