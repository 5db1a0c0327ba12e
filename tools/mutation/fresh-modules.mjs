// Loads a module with every module of this repository that it imports as if for the first time, in the same process.
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import { replaced } from './test-globals.mjs';

const globals = new URL('./test-globals.mjs', import.meta.url).href;
let load = 0;

/** The module, its dependencies and what it replaces anew; packages of others are loaded once. */
export async function importFresh(file) {
  load++;
  replaced.clear();
  return import(`${pathToFileURL(file).href}?load=${load}`);
}

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === '@jest/globals') return { url: globals, shortCircuit: true };
    const of = /\?load=\d+$/.exec(context.parentURL ?? '')?.[0];
    if (of === undefined) return next(specifier, context);
    if (replaced.has(specifier)) return { url: `replaced:${specifier}${of}`, shortCircuit: true };
    const found = next(specifier, context);
    return /\/dist\/(src|test)\//.test(found.url) && !found.url.includes('/node_modules/')
      ? { ...found, url: `${found.url}${of}` }
      : found;
  },
  load(url, context, next) {
    const specifier = /^replaced:(.*)\?load=\d+$/.exec(url)?.[1];
    if (specifier === undefined) return next(url, context);
    const from = `import { replaced } from ${JSON.stringify(globals)};\nconst made = replaced.get(${JSON.stringify(specifier)});\n`;
    const names = Object.keys(replaced.get(specifier)).map((name) =>
      name === 'default' ? 'export default made.default;' : `export const ${name} = made.${name};`,
    );
    return { format: 'module', source: from + names.join('\n'), shortCircuit: true };
  },
});
