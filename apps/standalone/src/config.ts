import type { TokenOptions } from '@dta/custody';
import { DtaError } from '@dta/errors';
import { pkcs11Settings } from '@dta/node';
import { readConfig } from '@dta/service';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import type { StandaloneOptions } from './start-standalone.js';

const MAX_FIDUCIARIES = 32;

/** What the argument `--pkcs11` wants of the environment: the PIN is no argument, since every user sees those. */
export const tokenSettings = z.strictObject({
  CUSTODY_PKCS11_TOKEN: pkcs11Settings.CUSTODY_PKCS11_TOKEN.default('dta'),
  CUSTODY_PKCS11_PIN: pkcs11Settings.CUSTODY_PKCS11_PIN,
});

/**
 * Reads the arguments of a standalone node, and of the environment what they ask for.
 *
 * @throws `configuration_invalid` with one sentence
 */
export function readOptions(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): StandaloneOptions {
  const values = parse(args);
  const metricsPort = values['metrics-port'];
  return {
    port: whole('--port', values.port, 0, 65_535),
    fiduciaries: whole('--fiduciaries', values.fiduciaries, 1, MAX_FIDUCIARIES),
    metricsPort: metricsPort === undefined ? null : whole('--metrics-port', metricsPort, 0, 65_535),
    folder: values.data,
    token: values.pkcs11 === undefined ? null : readToken(values.pkcs11, environment),
    kubo: values.kubo === undefined ? null : readKubo(values.kubo),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        port: { type: 'string', default: '5556' },
        fiduciaries: { type: 'string', default: '3' },
        'metrics-port': { type: 'string' },
        data: { type: 'string', default: '.dta' },
        pkcs11: { type: 'string' },
        kubo: { type: 'string' },
      },
    }).values;
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : 'arguments are not valid';
    throw new DtaError('configuration_invalid', message, { cause });
  }
}

function readToken(module: string, environment: Readonly<Record<string, string | undefined>>): TokenOptions {
  if (module === '') throw new DtaError('configuration_invalid', '--pkcs11 takes the path of a PKCS#11 module');
  const { CUSTODY_PKCS11_TOKEN: token, CUSTODY_PKCS11_PIN: pin } = readConfig(tokenSettings, environment);
  return { module, token, pin };
}

function readKubo(url: string): string {
  const { protocol = '', username = '', password = '' } = URL.parse(url) ?? {};
  if (/^https?:$/.test(protocol) && username + password === '') return url; // every user sees the arguments
  throw new DtaError('configuration_invalid', "--kubo takes the http address of a Kubo node's RPC, without a password");
}

function whole(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new DtaError('configuration_invalid', `${name} takes a whole number from ${min} to ${max}`);
  }
  return value;
}
