// `npm start`: a whole node in one process, from a bare clone.
import { join } from 'node:path';
import { compile, compilePkcs11, install, node, pkcs11Wanted } from './bootstrap.mjs';
import { failWith, handOver, root } from './process.mjs';

install();
if (!compile('apps/standalone')) failWith('the sources do not compile');
if (process.argv.some((arg) => /^--pkcs11(=|$)/.test(arg)) && !compilePkcs11()) failWith(pkcs11Wanted);
// an order's objects die young: with more room for them the collector copies less, and it need not walk the whole heap
// because the old part, which hardly grows, seems near its limit (as npm run bench measures it)
handOver(node(), [
  '--max-semi-space-size=128',
  '--initial-old-space-size=512',
  join(root, 'apps/standalone/dist/src/main.js'),
  ...process.argv.slice(2),
]);
