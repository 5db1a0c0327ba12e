import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { isDtaError } from '@dta/errors';
import { z } from 'zod';
import { describeConfig, readConfig, secret, settings, type SettingsSchema } from '../src/index.js';

const schema = z
  .strictObject({
    PORT: settings.integer(0, 65_535).default(5556).describe('Port to listen on'),
    NAME: z.string().describe('Name of the node'),
    NOTE: z.string().optional().describe('Anything'),
    PASSWORD: secret(z.string().min(8)).describe('Of the database'),
    KEY: secret(settings.hex(2)).default(Uint8Array.of(1, 2)).describe('A key'),
    PEERS: settings
      .list(z.string().regex(/^[a-z]+$/))
      .default(['a', 'b'])
      .describe('Peers'),
    DEBUG: settings.flag().default(false).describe('Whether to tell more'),
  })
  .refine(({ NAME, NOTE }) => NAME !== 'x' || NOTE !== undefined, {
    path: ['NOTE'],
    error: 'is needed for x',
    when: () => true,
  });

const folder = mkdtempSync(join(tmpdir(), 'dta-service-'));
const file = (name: string, text: string) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const enough = { NAME: 'node', PASSWORD: 'long enough' };
const faultsOf = (env: Record<string, string>, of: SettingsSchema = schema): string => {
  try {
    readConfig(of, env);
  } catch (error) {
    if (isDtaError(error, 'configuration_invalid')) return error.message;
    throw error;
  }
  return '';
};

describe('readConfig', () => {
  it('gives defaults, and ignores what it does not know', () => {
    expect(readConfig(schema, { ...enough, PATH: '/bin', NOTE: '', PORT: ' ' })).toEqual({
      ...{
        PORT: 5556,
        NAME: 'node',
        PASSWORD: 'long enough',
        KEY: Uint8Array.of(1, 2),
        PEERS: ['a', 'b'],
        DEBUG: false,
      },
    });
  });

  it('reads numbers, hex, lists and flags', () => {
    const env = { ...enough, PORT: '0', KEY: 'ABcd', PEERS: 'x, y\nz', DEBUG: 'true', NOTE: ' text ' };
    expect(readConfig(schema, env)).toMatchObject({
      ...{ PORT: 0, KEY: Uint8Array.of(0xab, 0xcd), PEERS: ['x', 'y', 'z'], DEBUG: true, NOTE: 'text' },
    });
  });

  it('reads any setting by file, without the white space around it', () => {
    const env = { NAME_FILE: file('name', ' node \n'), PASSWORD_FILE: file('password', 'long enough\n') };
    expect(readConfig(schema, env)).toMatchObject(enough);
  });

  it('names every fault in one message, and no value', () => {
    const message = faultsOf({
      ...{ PORT: '65536', PASSWORD: 'shh', KEY: 'xyz', PEERS: 'a a', DEBUG: 'perhaps', NOTE_FILE: '/nowhere/at/all' },
    });
    for (const name of ['PORT', 'NAME: is missing', 'PASSWORD', 'KEY', 'PEERS', 'DEBUG', 'NOTE_FILE']) {
      expect(message).toContain(name);
    }
    expect(message).toContain('ENOENT');
    expect(message).not.toMatch(/shh|xyz|perhaps/);
  });

  it.each([
    [{ ...enough, NAME_FILE: file('twice', 'x') }, 'NAME: is given twice, as NAME and as NAME_FILE'],
    [{ ...enough, NOTE_FILE: file('empty', '\n') }, 'NOTE_FILE: the file is empty'],
    [{ ...enough, NOTE_FILE: folder }, "NOTE_FILE: the file can't be read (EISDIR)"],
    [{ ...enough, NAME: 'x' }, 'NOTE: is needed for x'],
    [{ ...enough, PORT: '1.5' }, 'PORT: must be a whole number'],
    [{ ...enough, KEY: 'abcde' }, 'KEY: must be 2 bytes in hex'],
    [{ ...enough, PEERS: 'a,A' }, 'PEERS: '],
  ])('refuses %j', (env, fault) => {
    expect(faultsOf(env)).toContain(fault);
  });

  it.each([
    'postgres://dta:12/secret3@host/db',
    'postgres://dta:12?secret3@host/db',
    'postgres://dta:12#secret3@host/db',
    'postgres://dta:12/secr@et3@host/db',
    'postgres://dta:secret3@ho st/db',
    'secret3@host/db',
  ])('shows no part of the password of an address that is not well formed: %s', (ADDRESS) => {
    const message = faultsOf({ ADDRESS }, z.strictObject({ ADDRESS: settings.address(/^postgres$/) }));
    expect(message).toMatch(/^the configuration is not valid: ADDRESS: /);
    expect(message).not.toMatch(/12|secr|et3/);
  });

  it('takes an address whose password is escaped', () => {
    const ADDRESS = 'postgres://dta:12%2Fse%40cret@host/db?sslmode=require';
    expect(readConfig(z.strictObject({ ADDRESS: settings.address(/^postgres$/) }), { ADDRESS })).toEqual({ ADDRESS });
  });

  it('says of a setting that is not there only one thing', () => {
    expect(faultsOf({ PASSWORD: 'long enough' })).toBe('the configuration is not valid: NAME: is missing');
  });
});

it('describeConfig gives the rows of the table, no secret among them', () => {
  expect(describeConfig(schema)).toEqual([
    { name: 'PORT', meaning: 'Port to listen on', default: '5556', required: false, secret: false },
    { name: 'NAME', meaning: 'Name of the node', default: null, required: true, secret: false },
    { name: 'NOTE', meaning: 'Anything', default: null, required: false, secret: false },
    { name: 'PASSWORD', meaning: 'Of the database', default: null, required: true, secret: true },
    { name: 'KEY', meaning: 'A key', default: '(hidden)', required: false, secret: true },
    { name: 'PEERS', meaning: 'Peers', default: 'a,b', required: false, secret: false },
    { name: 'DEBUG', meaning: 'Whether to tell more', default: 'false', required: false, secret: false },
  ]);
});
