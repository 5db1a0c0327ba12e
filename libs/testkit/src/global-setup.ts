import { openRunServices, type RunServices } from './run-services.js';

let services: RunServices | undefined;

/** Jest's `globalSetup`: opens the run's services; which of them start is up to the suites. */
export default async function globalSetup(): Promise<void> {
  services = await openRunServices();
}

/** For Jest's `globalTeardown`. */
export async function closeServices(): Promise<void> {
  await services?.stop();
  services = undefined;
}
