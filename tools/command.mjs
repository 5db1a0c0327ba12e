import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { answerAtOnce, EXIT_CONFIGURATION, readCommandLine, tellFaults } from '../libs/service/src/command-line.mjs';
import { failWith, root } from './process.mjs';

/**
 * Answers `--help` and `--version`, and refuses arguments that the program can't use, before anything is installed,
 * compiled or started; else gives their values.
 */
export function answerArguments(command, args) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const answer = answerAtOnce(command, version, args);
  if (answer !== null) {
    console.log(answer);
    process.exit(0);
  }
  const { values, faults } = readCommandLine(command.options, args);
  if (faults.length > 0) failWith(`dta can't start: ${tellFaults(command, faults)}`, EXIT_CONFIGURATION);
  return values;
}
