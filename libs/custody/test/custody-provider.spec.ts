import { describe, expect, test } from '@jest/globals';
import { openCustody } from '../src/index.js';

const open = (source: string, settings = 'settings') => {
  const specifier = `data:text/javascript,${encodeURIComponent(source)}`;
  return openCustody({ kind: 'provider', specifier, settings }, () => undefined);
};

describe("a custody provider of somebody else's", () => {
  test('is given its settings', async () => {
    const source = `export default { apiVersion: 1, kind: 'vault', open: async (settings) => ({ kind: settings }) };`;
    expect(await open(source, 'of its own')).toEqual({ kind: 'of its own' });
  });

  test.each([
    ['no provider', 'export default 7;'],
    ['nothing', 'export const x = 1;'],
    ['one of another version', `export default { apiVersion: 2, kind: 'vault', open: async () => ({}) };`],
    ['one that opens nothing', `export default { apiVersion: 1, kind: 'vault' };`],
    ['one without a name', `export default { apiVersion: 1, kind: '', open: async () => ({}) };`],
    ['one that does not load', 'throw new Error(1);'],
  ])('%s does not start', async (_, source) => {
    await expect(open(source)).rejects.toMatchObject({ code: 'start_failed' });
  });
});
