import { expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../src/pages.js';

const run = promisify(execFile);
const samples = join(ROOT, 'deploy/systemd');

/** What systemd makes of the settings of a unit's service section: of one that stands twice the last counts. */
function settingsOf(...texts: string[]): Map<string, string> {
  const lines = texts.flatMap((text) => text.split('\n')).filter((line) => /^[A-Z]\w*=/.test(line));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

test('a role sees no device, and with the drop-in for an HSM those alone that it names', async () => {
  const [unit, dropIn] = await Promise.all(
    ['dta@.service', 'hsm-device.conf'].map((name) => readFile(join(samples, name), 'utf8')),
  );
  expect(settingsOf(unit ?? '').get('PrivateDevices')).toBe('yes');
  expect(unit).toContain('hsm-device.conf');
  const both = settingsOf(unit ?? '', dropIn ?? '');
  expect([both.get('PrivateDevices'), both.get('DevicePolicy'), both.get('DeviceAllow')]).toEqual([
    ...['no', 'closed'],
    'char-usb_device rw',
  ]);
});

test('systemd takes the unit with the drop-in', async () => {
  const isThere = await run('systemd-analyze', ['--version']).then(
    () => true,
    () => false,
  );
  if (!isThere) return console.log('not tested, since there is no systemd-analyze here');
  const folder = await mkdtemp(join(tmpdir(), 'dta-systemd-'));
  try {
    const unit = join(folder, 'dta@fiduciary.service');
    const text = await readFile(join(samples, 'dta@.service'), 'utf8');
    // it looks for the program that the unit starts
    await writeFile(unit, text.replaceAll('/opt/dta', ROOT.replace(/\/$/, '')).replace('User=dta', 'User=root'));
    await mkdir(`${unit}.d`);
    await cp(join(samples, 'hsm-device.conf'), join(`${unit}.d`, 'hsm-device.conf'));
    const environment = { ...process.env, SYSTEMD_UNIT_PATH: `${folder}:` };
    const { stdout, stderr } = await run('systemd-analyze', ['verify', '--man=no', unit], { env: environment });
    expect((stdout + stderr).split('\n').filter((line) => /dta@fiduciary|hsm-device/.test(line))).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
