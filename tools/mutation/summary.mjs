// What a reader of a run wants first: each mutant that no test noticed, with its line, as soon as it is known; the figures.
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { declareClassPlugin, PluginKind } from '@stryker-mutator/api/plugin';

const isLeft = ({ status }) => status === 'Survived' || status === 'NoCoverage';

function tell({ fileName, location, mutatorName, replacement, status }) {
  const text = (replacement ?? '').replace(/\s+/g, ' ').slice(0, 120);
  const place = `${relative(process.cwd(), fileName)}:${location.start.line}:${location.start.column + 1}`;
  return `${place} ${status} ${mutatorName}: ${text}`;
}

class Survivors {
  onMutantTested(result) {
    if (isLeft(result)) console.log(tell(result));
  }
}

export const strykerPlugins = [declareClassPlugin(PluginKind.Reporter, 'survivors', Survivors)];

/** Prints the figures, and writes each mutant that no test noticed into a file, one a line. */
export function writeSummary(results, file) {
  const count = (...statuses) => results.filter(({ status }) => statuses.includes(status)).length;
  const lines = results.filter(isLeft).map(tell);
  writeFileSync(file, `${lines.join('\n')}\n`);
  console.log(
    `${results.length - count('Ignored')} mutants: ${count('Killed')} killed, ${count('Timeout')} timed out, ` +
      `${count('Survived')} survived, ${count('NoCoverage')} not reached, ${count('RuntimeError', 'CompileError')} failed to run`,
  );
}
