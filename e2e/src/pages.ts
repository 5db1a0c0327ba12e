import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** The checkout. */
export const ROOT = join(import.meta.dirname, '../../..');

const END = '--- end of a block ---';

/** A ```sh block of a page, and the ```json block right after it, which shows what it answers. */
export interface Block {
  readonly text: string;
  readonly shown: string | undefined;
}

/** What became of a block. */
export interface Result extends Block {
  readonly output: string;
}

/** The ```sh blocks of a page, in order. */
export function blocksOf(page: string): Block[] {
  const fences = [...page.matchAll(/^```(\w*)\n([^]*?)^```$/gm)];
  return fences.flatMap(([whole, language, text = ''], at) => {
    if (language !== 'sh') return [];
    const after = fences[at + 1];
    const end = (fences[at]?.index ?? 0) + whole.length;
    const follows = after?.[1] === 'json' && page.slice(end, after.index).trim() === '';
    return [{ text: text.trim(), shown: follows ? after[2] : undefined }];
  });
}

/** Runs all blocks in one shell, which ends at the first command that fails, as the person at the terminal would. */
export async function runBlocks(
  blocks: readonly Block[],
  environment: Readonly<Record<string, string>>,
): Promise<Result[]> {
  const script = blocks.map(({ text }) => `${text}\nprintf '\\n%s\\n' '${END}'`).join('\n');
  const { stdout } = await promisify(execFile)('sh', ['-e', '-c', script], {
    cwd: ROOT,
    env: { ...process.env, ...environment },
    maxBuffer: 2 ** 24,
  });
  const outputs = stdout.split(`${END}\n`).map((output) => output.trim());
  return blocks.map((block, at) => ({ ...block, output: outputs[at] ?? '' }));
}
