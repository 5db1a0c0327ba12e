import { DtaError } from '@dta/errors';

/** One sentence for an operator from what `initdb` or `postgres` wrote before it gave up. */
export function startFailure(directory: string, output: string): DtaError {
  const metadata = { directory };
  if (/No space left on device|Disk quota exceeded/.test(output)) {
    return new DtaError('start_failed', `PostgreSQL can't start: the disk that holds ${directory} is full`, {
      metadata,
    });
  }
  const lines = output.split('\n').map((line) => line.trim());
  const reason =
    lines.findLast((line) => /\b(FATAL|PANIC):/.test(line)) ??
    lines.findLast((line) => /\b(ERROR|error):/.test(line)) ??
    lines.findLast((line) => line !== '') ??
    'it ended without a word';
  const said = reason.replace(/^.*?\b(?:FATAL|PANIC|ERROR|error):\s*/, '');
  return new DtaError('start_failed', `PostgreSQL did not start in ${directory}: ${said}`, { metadata });
}
