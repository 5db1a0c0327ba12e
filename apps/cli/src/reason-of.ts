/** Why a call of the system's failed: Node's own errors carry a code such as ENOSPC; their message may be long. */
export function reasonOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown reason';
}
