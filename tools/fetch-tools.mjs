// Gets the programs that tests run; once a checkout, under the ignored folder .cache/tools.
import { fetchTool } from '../libs/testkit/dist/src/index.js';

console.log(`nats-server: ${await fetchTool('nats-server')}`);
