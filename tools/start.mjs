// `npm start`: a whole node in one process, from a bare clone.
import { join } from 'node:path';
import { compile, install, node } from './bootstrap.mjs';
import { failWith, handOver, root } from './process.mjs';

install();
if (!compile('apps/standalone')) failWith('the sources do not compile');
handOver(node(), [join(root, 'apps/standalone/dist/src/main.js'), ...process.argv.slice(2)]);
