import { expect, test } from '@jest/globals';
import { createLogger, readConfig } from '@dta/service';
import { z } from 'zod';
import { roleSettings } from '../src/index.js';
import { natsOptions } from '../src/run-role.js';

const env = {
  DATABASE_URL: 'postgres://dta:secret@127.0.0.1/dta',
  NATS_URL: 'tls://nats.example:4222',
  KEY_FILE: '/keys/identity.key',
  INTERNAL_KEY: '00'.repeat(32),
  TOKEN_HASH: '00'.repeat(32),
};

test('a role shows NATS its credentials, by user and password or by the text of a credentials file', () => {
  const log = createLogger({ name: 'test', level: 'silent' });
  const said = (more: Record<string, string>) =>
    natsOptions('fiduciary', readConfig(z.strictObject(roleSettings), { ...env, ...more }), log);
  const credentials = '-----BEGIN NATS USER JWT-----';
  expect(said({ NATS_CREDENTIALS: credentials })).toMatchObject({ servers: [env.NATS_URL], credentials });
  expect(said({ NATS_USER: 'u', NATS_PASSWORD: 'p' })).toMatchObject({ user: 'u', password: 'p' });
  expect(said({})).not.toHaveProperty('credentials');
});
