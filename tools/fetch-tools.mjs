// Gets the programs that tests run; once a checkout, under the ignored folder .cache/tools.
import { fetchSoftHsm, fetchTool } from '../libs/testkit/dist/src/index.js';

for (const name of ['nats-server', 'ipfs']) console.log(`${name}: ${await fetchTool(name)}`);
console.log(`SoftHSM: ${(await fetchSoftHsm()).module}`);
