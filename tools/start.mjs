// `npm start`: a whole node in one process, from a bare clone.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { standaloneCommand } from '../apps/standalone/src/options.mjs';
import { compile, compilePkcs11, install, node, pkcs11Wanted } from './bootstrap.mjs';
import { answerArguments } from './command.mjs';
import { failWith, handOver, root } from './process.mjs';

const args = process.argv.slice(2);
const { pkcs11 } = answerArguments(standaloneCommand, args);
await install();
// `dta` too, which README.md runs beside the node
if (!(await compile('apps/standalone', 'apps/cli'))) failWith('the sources do not compile');
if (pkcs11 !== undefined && !(await compilePkcs11())) failWith(pkcs11Wanted);
// V8's: an order's objects die young, with more room for them the collector copies less; and it need not walk the whole heap
// because the old part, which hardly grows, seems near its limit (as npm run bench measures it, by the same flags)
const { config } = JSON.parse(readFileSync(join(root, 'apps/standalone/package.json'), 'utf8'));
handOver(node(), [...config.nodeFlags, join(root, 'apps/standalone/dist/src/main.js'), ...args]);
