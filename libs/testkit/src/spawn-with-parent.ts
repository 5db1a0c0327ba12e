import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { existsSync } from 'node:fs';

const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));
const children = new Set<ChildProcess>();

/**
 * Starts a program that ends with this process: on Linux `setpriv` has the kernel end it however this process dies,
 * elsewhere an orderly exit ends it. A Ctrl-C in the terminal is for this process alone, which stops its children last.
 */
export function spawnWithParent(program: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const [command, all] =
    setpriv === undefined ? [program, args] : [setpriv, ['--pdeathsig', 'KILL', '--', program, ...args]];
  const child = spawn(command, all, { detached: true, ...options });
  if (children.size === 0) process.once('exit', endAll);
  children.add(child);
  child.once('close', () => {
    children.delete(child);
    if (children.size === 0) process.removeListener('exit', endAll);
  });
  return child;
}

function endAll(): void {
  for (const child of children) child.kill('SIGKILL');
}
