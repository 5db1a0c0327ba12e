/**
 * A module as it is, with an ear on some of its functions: every byte string that one of `names` returns, in a list or as
 * the field `seed` or `body` too, is put into `heard`. For tests of what is wiped.
 */
export function listening<M extends object>(module: M, heard: Uint8Array[], names: readonly (keyof M)[]): M {
  const note = (made: unknown): void => {
    if (made instanceof Uint8Array) heard.push(made);
    else if (Array.isArray(made)) made.forEach(note);
    else if (typeof made === 'object' && made !== null) {
      if ('seed' in made) note(made.seed);
      if ('body' in made) note(made.body);
    }
  };
  const copy = { ...module };
  for (const name of names) {
    const real = module[name] as (...inputs: unknown[]) => unknown; // the names are of functions
    const noting = (...inputs: unknown[]) => {
      const made = real(...inputs);
      if (made instanceof Promise) return made.then((settled: unknown) => (note(settled), settled));
      note(made);
      return made;
    };
    copy[name] = noting as M[typeof name]; // the same function, with an ear
  }
  return copy;
}

/** Whether nothing but zeros is left of it. */
export function isWiped(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/** Whether `part` stands somewhere in `bytes`. */
export function holds(bytes: Uint8Array, part: Uint8Array): boolean {
  return Buffer.from(bytes).includes(Buffer.from(part));
}
