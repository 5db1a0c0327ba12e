// What a plugin's thread runs: it loads one plugin, says so, and answers one call after the other.
import { parentPort, workerData } from 'node:worker_threads';
import { describePlugin, loadPlugin } from './load-plugin.js';
import type { AnswerMessage, CallMessage, LoadMessage } from './messages.js';
import { runHooks } from './run-hooks.js';

const port = parentPort;
if (port === null) throw new Error('this is the main program of a thread');

const say = (message: LoadMessage | AnswerMessage) => port.postMessage(message);

/** The host gets a copy of what is held back, and this one goes. */
function answer(message: AnswerMessage): void {
  say(message);
  if ('held' in message) message.held?.fill(0);
}

try {
  const plugin = await loadPlugin((workerData as { specifier: string }).specifier); // as the host gives it
  const description = describePlugin(plugin);
  port.on('message', (message: CallMessage) => void runHooks(plugin, message).then(answer));
  say({ loaded: description, passThrough: plugin.passThrough === true });
} catch (error) {
  say({ unloadable: error instanceof Error ? error.message : 'it can not be loaded' });
}
