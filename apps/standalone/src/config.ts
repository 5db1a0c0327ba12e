import type { TokenOptions } from '@dta/custody';
import { DtaError, isDtaError } from '@dta/errors';
import { pkcs11Settings } from '@dta/node';
import { readCommandLine, readConfig, tellFaults } from '@dta/service';
import { z } from 'zod';
import { standaloneCommand } from './options.mjs';
import type { StandaloneArguments } from './start-standalone.js';

/** What the argument `--pkcs11` wants of the environment: the PIN is no argument, since every user sees those. */
export const tokenSettings = z.strictObject({
  CUSTODY_PKCS11_TOKEN: pkcs11Settings.CUSTODY_PKCS11_TOKEN.default('dta'),
  CUSTODY_PKCS11_PIN: pkcs11Settings.CUSTODY_PKCS11_PIN,
});

/**
 * Reads the arguments of a standalone node, and of the environment what they ask for.
 *
 * @throws `configuration_invalid` with every fault in one sentence
 */
export function readOptions(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): StandaloneArguments {
  const { values, faults } = readCommandLine(standaloneCommand.options, args);
  const { pkcs11, kubo, data = '', 'metrics-port': metricsPort } = values;
  const token = pkcs11 === undefined ? null : readToken(pkcs11, environment);
  const all = [...faults, ...(token?.faults ?? [])];
  if (all.length > 0) {
    throw new DtaError('configuration_invalid', tellFaults(standaloneCommand, all), { metadata: { faults: all } });
  }
  return {
    port: Number(values['port']),
    fiduciaries: Number(values['fiduciaries']),
    metricsPort: metricsPort === undefined ? null : Number(metricsPort),
    folder: data,
    token: token?.options ?? null,
    kubo: kubo ?? null,
    rotate: values['rotate'] !== undefined,
  };
}

function readToken(
  module: string,
  environment: Readonly<Record<string, string | undefined>>,
): { options: TokenOptions | null; faults: readonly string[] } {
  try {
    const { CUSTODY_PKCS11_TOKEN: token, CUSTODY_PKCS11_PIN: pin } = readConfig(tokenSettings, environment);
    return { options: { module, token, pin }, faults: [] };
  } catch (error) {
    if (!isDtaError(error, 'configuration_invalid')) throw error;
    const { faults } = error.metadata;
    return { options: null, faults: Array.isArray(faults) ? faults.map(String) : [error.message] };
  }
}
