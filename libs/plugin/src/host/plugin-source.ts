import { DtaError } from '@dta/errors';
import { readFileSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * What to import for a package that the configuration names: the name of an npm package that is installed with the node, or
 * a folder that holds one (it begins with `.` or `/`, relative to the working directory).
 *
 * @throws `start_failed` for a folder that holds no package
 */
export function importSpecifier(source: string): string {
  if (!source.startsWith('.') && !isAbsolute(source)) return source;
  const folder = resolve(source);
  return pathToFileURL(resolve(folder, entryOf(source, folder))).href;
}

interface Manifest {
  readonly main?: unknown;
  readonly exports?: unknown;
}

function entryOf(source: string, folder: string): string {
  const { main, exports } = readManifest(source, folder);
  const own = isRecord(exports) && '.' in exports ? exports['.'] : exports;
  const entry = isRecord(own) ? (own['import'] ?? own['default']) : own;
  return [entry, main].find((path) => typeof path === 'string') ?? 'index.js';
}

function readManifest(source: string, folder: string): Manifest {
  try {
    return JSON.parse(readFileSync(resolve(folder, 'package.json'), 'utf8')) as Manifest; // each field is looked at above
  } catch (cause) {
    throw new DtaError('start_failed', `the folder ${source} holds no package`, { cause });
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
