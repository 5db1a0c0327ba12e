/** What has begun and is to be stopped. */
export interface Stoppable {
  stop(): Promise<unknown>;
}

/**
 * Stops each in turn, what began last first, also after one that failed.
 *
 * @throws once all were tried, what the one threw that failed; an `AggregateError` with all of it where several did
 */
export async function stopAll(parts: readonly Stoppable[]): Promise<void> {
  const failures: unknown[] = [];
  for (const part of parts.toReversed()) await part.stop().catch((failure: unknown) => failures.push(failure));
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, failures.map(sentenceOf).join('; '));
}

function sentenceOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : String(failure);
}
