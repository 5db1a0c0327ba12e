// Lints texts as if they were files: `[{ path, text }]` on standard input, the rules each broke on standard output.
// A path that is no file is linted without the rules that ask the type checker.
import { existsSync } from 'node:fs';
import { text as readAll } from 'node:stream/consumers';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';

const withTypes = new ESLint();
const withoutTypes = new ESLint({ overrideConfig: [{ files: ['**/*.ts'], ...tseslint.configs.disableTypeChecked }] });

const answers = [];
for (const { path, text } of JSON.parse(await readAll(process.stdin))) {
  const eslint = existsSync(path) ? withTypes : withoutTypes;
  const [{ messages }] = await eslint.lintText(text, { filePath: path });
  answers.push(messages.map(({ ruleId, message }) => ruleId ?? message));
}
process.stdout.write(JSON.stringify(answers));
