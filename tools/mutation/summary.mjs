// What a reader of a run wants first: the figures, and each survivor with its line.
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';

/** Prints the figures, and writes each mutant that no test noticed into a file, one a line. */
export function writeSummary(results, { root, file }) {
  const count = (...statuses) => results.filter(({ status }) => statuses.includes(status)).length;
  const left = results.filter(({ status }) => ['Survived', 'NoCoverage'].includes(status));
  const lines = left.map(({ fileName, location, mutatorName, replacement, status }) => {
    const text = (replacement ?? '').replace(/\s+/g, ' ').slice(0, 120);
    return `${relative(root, fileName)}:${location.start.line}:${location.start.column + 1} ${status} ${mutatorName}: ${text}`;
  });
  writeFileSync(file, `${lines.join('\n')}\n`);
  console.log(lines.join('\n'));
  console.log(
    `${results.length - count('Ignored')} mutants: ${count('Killed')} killed, ${count('Timeout')} timed out, ` +
      `${count('Survived')} survived, ${count('NoCoverage')} not reached, ${count('RuntimeError', 'CompileError')} failed to run`,
  );
}
