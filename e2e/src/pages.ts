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

/** A section of a page, from its `## heading` to the next. @throws Error where the page has none of that name */
export function sectionOf(page: string, heading: string): string {
  const section = page.split(/^(?=## )/m).find((text) => text.startsWith(`## ${heading}\n`));
  if (section === undefined) throw new Error(`the page has no section ${heading}`);
  return section;
}

/** The JSON objects that a block printed, one after the other, as our API answers. */
export function answersIn(output: string): Record<string, unknown>[] {
  const texts = output.trim().split(/(?<=\})\s*(?=\{)/);
  return texts.map((text) => JSON.parse(text) as Record<string, unknown>); // answers of our own API are objects
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
