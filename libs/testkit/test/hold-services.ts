// Run as a process of its own by run-services.spec.ts: opens services, starts PostgreSQL, says so, and waits.
import { openRunServices, serviceUrl } from '../src/index.js';

const services = await openRunServices();
const url = await serviceUrl('postgres');
process.stdout.write(`${url}\n`);
process.stdin.resume().once('end', () => void services.stop());
