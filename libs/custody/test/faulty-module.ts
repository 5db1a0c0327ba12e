import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** What is wrong with the module, by the words of faulty-module.c. */
export type Fault =
  | 'hangs'
  | 'vendor error'
  | 'ignores the context'
  | 'stuck random'
  | 'biased random'
  | 'no Ed25519'
  | 'fixed labels'
  | 'exports'
  | 'raw points'
  | 'misses candidates';

/** A PKCS#11 module with faults to switch on. */
export interface FaultyModule {
  readonly module: string;
  /** From now on for every process that has it loaded; null: it is as SoftHSM. */
  break(fault: Fault | null): Promise<void>;
}

const checkout = join(import.meta.dirname, '../../../..');

/** Builds the module in `folder`, on top of the `sound` one. It needs a compiler of C, as pkcs11js does. */
export async function buildFaultyModule(folder: string, sound: string): Promise<FaultyModule> {
  const [module, faultFile] = [join(folder, 'faulty.so'), join(folder, 'fault')];
  const source = join(checkout, 'libs/custody/test/faulty-module.c');
  await promisify(execFile)('cc', [
    ...['-shared', '-fPIC', '-I', join(checkout, 'node_modules/pkcs11js/includes/pkcs11')],
    ...[`-DFAULT_FILE="${faultFile}"`, `-DSOUND_MODULE="${sound}"`, '-o', module, source, '-ldl'],
  ]);
  return {
    module,
    break: (fault) => (fault === null ? rm(faultFile, { force: true }) : writeFile(faultFile, fault)),
  };
}
