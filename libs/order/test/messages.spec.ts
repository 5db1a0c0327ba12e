import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findVerb, messageOf, nextVerb, verbsWhere, type Verb } from '../src/index.js';
import { Parties } from './parties.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url)); // from libs/order/dist/test

describe('the table of messages says what a whole order says', () => {
  test.each([1, 3])('of %i fiduciaries', async (n) => {
    const parties = await Parties.of(n);
    await parties.place({ threshold: n === 1 ? 1 : 2 });
    await parties.redeem();
    expect(parties.order.state).toBe('released');
    const sent = parties.sent.map(({ addressee: { verb, role }, statements, attachments }) => {
      return { verb, role, says: statements[0]?.body.type, attachments: attachments.length };
    });
    for (const message of sent) {
      const row = messageOf(message.verb);
      expect(row.to).toContain(message.role);
      expect(message).toMatchObject({ says: row.says, attachments: row.attachments === 'none' ? 0 : n });
    }
    for (const { verb, statements, attachments } of parties.answers) {
      const { says, alone, attachments: beside } = messageOf(verb).answers;
      const expected = (n === 1 ? alone : undefined) ?? says;
      expect([verb, ...statements.map(({ body }) => body.type)]).toEqual([verb, ...expected]);
      expect(attachments).toHaveLength(beside === 'none' || n === 1 ? 0 : n);
    }
    const notAlone: readonly Verb[] = ['deal', 'confirm', 'manifest'];
    const expected = verbsWhere().filter((verb) => verb !== 'affirm' && (n > 1 || !notAlone.includes(verb)));
    expect(new Set(sent.map(({ verb }) => verb))).toEqual(new Set(expected));
  });

  test('a verb that goes after another is in the same envelope', async () => {
    const parties = await Parties.before('release', 2);
    const carried = (verb: Verb) => parties.sent.find(({ addressee }) => addressee.verb === verb)?.statements;
    for (const verb of verbsWhere(({ after }) => after !== null)) {
      const { after } = messageOf(verb);
      expect(carried(verb)).toBeDefined();
      expect(carried(verb)).toBe(after === null ? null : carried(after));
    }
  });
});

test('what is asked next follows from the tables of transitions', () => {
  const states = ['none', 'accepted', 'dealt', 'confirmed', 'committed', 'erased', 'enrolled', 'held', 'closed'];
  expect(states.map((state) => [state, nextVerb(state)])).toEqual([
    ['none', undefined],
    ['accepted', 'deal'],
    ['dealt', 'confirm'],
    ['confirmed', 'commit'],
    ['committed', undefined],
    ['erased', undefined],
    ['enrolled', 'commit'],
    ['held', undefined],
    ['closed', undefined],
  ]);
});

test('docs/protocol.md has the same table', () => {
  const page = readFileSync(join(ROOT, 'docs/protocol.md'), 'utf8');
  const letters = { principal: 'P', fiduciary: 'F', beneficiary: 'B' };
  const named = (says: readonly string[]) => says.map((type) => type.replace(/^./, (c) => c.toUpperCase())).join(' + ');
  const rows = page
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .flatMap(([, from, to, verb = '', message = '', reply = '', waits, after]) => {
      if (findVerb(verb) === undefined) return [];
      const [says] = message.split(/[ ,]/);
      return [{ from, to, verb, says, reply, waits, after }];
    });
  expect(rows).toEqual(
    verbsWhere().map((verb) => {
      const { from, to, says, answers, awaited, after } = messageOf(verb);
      const alone = answers.alone === undefined ? '' : `; n = 1: ${named(answers.alone)}`;
      const beside = answers.envelopes ? ', and sealed envelopes' : '';
      return {
        ...{ verb, from: from.map((role) => letters[role]).join(', '), to: to.map((role) => letters[role]).join(', ') },
        ...{ says: named([says]), reply: `${named(answers.says)}${beside}${alone}` },
        ...{ waits: awaited ? 'yes' : 'no', after: after ?? '–' },
      };
    }),
  );
});

/** Strings of a source that are a verb, alone or as a pattern or in SQL. Identifiers and keys are held by the compiler. */
function verbsIn(source: string): string[] {
  return [...source.matchAll(/(['"])(?:peer\.)?([a-z-]+)\1/g)].flatMap(([, , word = '']) => findVerb(word) ?? []);
}

describe('no verb is written in a source outside libs/order', () => {
  const isVerbless = (path: string) =>
    /\/src\/.*\.ts$/.test(path) &&
    !/(^|\/)(node_modules|dist)\//.test(path) &&
    !/^libs\/(order|testkit)\//.test(path) &&
    !/\/migrations\//.test(path); // what a database went through stays as it was
  const sources = ['libs', 'apps', 'plugins'].flatMap((folder) =>
    readdirSync(join(ROOT, folder)).flatMap((project) => {
      const src = join(folder, project, 'src');
      return readdirSync(join(ROOT, src), { recursive: true, encoding: 'utf8' }).map((file) => `${src}/${file}`);
    }),
  );

  test('in any of them', () => {
    const checked = sources.filter(isVerbless);
    expect(checked).toContain('libs/node/src/lease.ts');
    const found = checked.map((path) => [path, verbsIn(readFileSync(join(ROOT, path), 'utf8'))] as const);
    expect(found.filter(([, verbs]) => verbs.length > 0)).toEqual([]);
  });

  test.each([
    ["if (verb !== 'redeem') return;", ['redeem']],
    ["`SELECT FROM deliveries WHERE verb = 'release'`", ['release']],
    ["@MessagePattern('peer.accept')", ['accept']],
    ["new Set(['enrol', 'deal'])", ['enrol', 'deal']],
    ["addEventListener('abort', release)", []],
  ])('%s is found', (source, verbs) => {
    expect(verbsIn(source)).toEqual(verbs);
  });
});
