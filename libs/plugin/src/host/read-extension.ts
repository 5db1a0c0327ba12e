import type { Extension } from '../order-plugin.js';

const MAX_DEPTH = 16;

/**
 * The extension that a plugin answered, or why it is none: too long, no JSON object, nested too deep, or with what the
 * protocol's documents can't hold: numbers that aren't whole, text with half a surrogate pair.
 */
export function readExtension(
  text: string,
  maxBytes: number,
): { readonly extension: Extension } | { readonly reason: string } {
  if (Buffer.byteLength(text) > maxBytes) return { reason: `its answer has more than ${maxBytes} bytes` };
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { reason: 'its answer is no object' };
  const fault = faultOf(value, 0);
  return fault === undefined ? { extension: { ...value } } : { reason: fault };
}

function faultOf(value: unknown, depth: number): string | undefined {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) return 'its answer holds a number that is not whole';
  if (typeof value === 'string') return value.isWellFormed() ? undefined : 'its answer holds half a surrogate pair';
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth >= MAX_DEPTH) return 'its answer is nested too deep';
  for (const [name, inner] of Object.entries(value)) {
    const fault = faultOf(name, depth + 1) ?? faultOf(inner, depth + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
