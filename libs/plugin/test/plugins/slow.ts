// Takes its time to load, as on a machine that is busy.
import { setTimeout as delay } from 'node:timers/promises';
import other from './other.js';

await delay(300);

export default { ...other, name: 'slow' };
