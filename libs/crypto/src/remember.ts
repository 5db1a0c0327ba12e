/**
 * Remembers what `make` made of the last `limit` public values, oldest forgotten first. Never for secrets: keys and
 * results stay in memory. What `make` throws is not remembered.
 */
export function remember<Value>(limit: number, make: (bytes: Uint8Array) => Value): (bytes: Uint8Array) => Value {
  const remembered = new Map<string, Value>();
  return (bytes) => {
    const name = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
    const known = remembered.get(name);
    if (known !== undefined) return known;
    const made = make(bytes);
    remembered.set(name, made);
    const [oldest] = remembered.keys(); // a Map keeps the order of insertion
    if (remembered.size > limit && oldest !== undefined) remembered.delete(oldest);
    return made;
  };
}
