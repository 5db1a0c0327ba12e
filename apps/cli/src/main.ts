#!/usr/bin/env node
import { buildProgram } from './program.js';

try {
  await buildProgram(process.env).parseAsync();
} catch (error) {
  process.stderr.write(`dta: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
