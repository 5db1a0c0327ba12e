// What the scripts share: one way to say something, to run a step, and to hand over to a long-running program.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openProgress } from '../libs/service/src/progress.mjs';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const progress = openProgress();

/** A line with the time since the script began. */
export const say = progress.say;

export function failWith(text, status = 1) {
  console.error(text);
  process.exit(status);
}

/** Runs a step as {@link startStep} does; its exit status, 1 where a signal ended it or it didn't start. */
export function run(what, command, args, env = {}) {
  return startStep(what, command, args, env).ended;
}

/**
 * Starts a step in the root folder and passes on what it prints (not its standard output where `isQuiet`); where it is
 * silent, a line says that it runs and for how long. `ended` gives its exit status. A signal to this process goes to the
 * step, and ends this process after it.
 */
export function startStep(what, command, args, env = {}, { isQuiet = false, tell = progress } = {}) {
  const child = spawn(command, args, {
    cwd: root,
    env: { ...coloured(), ...process.env, ...env },
    stdio: ['ignore', isQuiet ? 'ignore' : 'pipe', 'pipe'],
  });
  passOutput(child.stdout, process.stdout, tell);
  passOutput(child.stderr, process.stderr, tell);
  const signalOf = passSignals(child);
  const closed = new Promise((resolve) => {
    child.once('error', (error) => {
      console.error(error.message);
      resolve(1);
    });
    child.once('close', (status) => resolve(status ?? 1));
  });
  const ended = tell.during(what, async () => {
    const status = await closed;
    const signal = signalOf();
    if (signal !== null) process.exit(128 + constants.signals[signal]);
    return status;
  });
  return { child, ended };
}

/** Runs a program as if it were this process: arguments, input, output, signals, and at its end its status. */
export function handOver(command, args) {
  const child = spawn(command, args, { stdio: 'inherit' });
  passSignals(child);
  child.on('error', (error) => failWith(error.message));
  child.on('exit', (status, signal) => process.exit(status ?? 128 + constants.signals[signal]));
}

/** Gives a child our signals; what it answers ends that, and tells which came. */
function passSignals(child) {
  let came = null;
  const pass = (signal) => {
    came = signal;
    // a Ctrl-C reaches the child by itself; twice would mean: at once
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, pass);
  return () => {
    for (const signal of signals) process.removeListener(signal, pass);
    return came;
  };
}

function passOutput(from, to, tell) {
  from?.on('data', (text) => {
    to.write(text);
    tell.heard();
  });
}

/** A step that writes into a pipe doesn't see the terminal behind it. */
function coloured() {
  return process.stdout.isTTY && process.env.NO_COLOR === undefined ? { FORCE_COLOR: '1' } : {};
}
