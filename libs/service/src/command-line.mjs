// What a program takes on its command line, read before anything is installed or compiled: plain JavaScript for Node 20,
// built-ins only. `npm start` and `npm run cluster` run it from here, the compiled programs from dist.

/**
 * One option of a program.
 *
 * @typedef {object} CommandOption
 * @property {'whole' | 'path' | 'address' | 'flag'} takes `whole`: a whole number; `address`: of a server by http, without
 *   a password, since every user of the machine sees the arguments; `flag`: nothing
 * @property {string} meaning for the help
 * @property {string} [value] what its value is called in the help
 * @property {string} [default]
 * @property {number} [least] of a whole number
 * @property {number} [most] of a whole number
 */

/**
 * A program's options by their names, without the two dashes.
 *
 * @typedef {Readonly<Record<string, CommandOption>>} CommandOptions
 */

/**
 * A program as its help describes it; `usage` is how it is called, without arguments.
 *
 * @typedef {{ readonly about: string, readonly usage: string, readonly options: CommandOptions }} Command
 */

/**
 * What stands on a command line.
 *
 * @typedef {object} CommandLine
 * @property {'help' | 'version' | null} asks what is answered at once, whatever else stands there
 * @property {Readonly<Record<string, string | undefined>>} values as they were given, or the defaults; a flag's is `true`
 * @property {readonly string[]} faults one sentence each, none where all is well
 */

/** The exit status of a program whose settings or arguments can't be used (EX_CONFIG of sysexits.h). */
export const EXIT_CONFIGURATION = 78;

/**
 * Reads a command line and finds every fault of it. Of an option that is given twice the last counts.
 *
 * @param {CommandOptions} options
 * @param {readonly string[]} args
 * @returns {CommandLine}
 */
export function readCommandLine(options, args) {
  /** @type {Record<string, string | undefined>} */
  const values = Object.fromEntries(Object.entries(options).map(([name, option]) => [name, option.default]));
  /** @type {string[]} */
  const faults = [];
  if (args.some((arg) => arg === '--help' || arg === '-h')) return { asks: 'help', values, faults };
  if (args.includes('--version')) return { asks: 'version', values, faults };
  for (let at = 0; at < args.length; at += 1) {
    const [, name = '', inline] = /^--([^=]+)(?:=([^]*))?$/.exec(args[at] ?? '') ?? [];
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    if (option === undefined) {
      faults.push(unknown(args[at] ?? ''));
      if (name !== '' && inline === undefined && isValue(args[at + 1])) at += 1; // its value is no second fault
      continue;
    }
    const follows = inline === undefined && option.takes !== 'flag' && isValue(args[at + 1]);
    if (follows) at += 1;
    const value = follows ? args[at] : inline;
    const fault = faultOf(option, value);
    if (fault === null) values[name] = value ?? 'true';
    else faults.push(`--${name} ${fault}`);
  }
  return { asks: null, values, faults: [...new Set(faults)] };
}

/**
 * Every fault in one sentence.
 *
 * @param {Command} command
 * @param {readonly string[]} faults
 */
export function tellFaults({ usage }, faults) {
  return `${faults.join('; ')}; ${usage} --help lists what it takes`;
}

/**
 * What a person who asks for `--help` or `--version` reads; null where neither is asked.
 *
 * @param {Command} command
 * @param {string} version
 * @param {readonly string[]} args
 */
export function answerAtOnce(command, version, args) {
  const { asks } = readCommandLine(command.options, args);
  if (asks === 'version') return `D-TA ${version}`;
  return asks === 'help' ? helpText(command) : null;
}

/** @param {Command} command */
function helpText({ about, usage, options }) {
  const own = Object.entries(options).map(([name, { value, meaning, default: fallback }]) => [
    `--${name}${value === undefined ? '' : ` <${value}>`}`,
    `${meaning}${fallback === undefined ? '' : ` (${fallback})`}`,
  ]);
  const rows = [...own, ['--help', 'this text'], ['--version', 'the version']];
  const width = Math.max(...rows.map(([left = '']) => left.length));
  const list = rows.map(([left = '', right]) => `  ${left.padEnd(width)}  ${right}`).join('\n');
  return `${about}\n\nUsage: ${usage} [options]\n\n${list}`;
}

/** What is wrong with a value, null where nothing is. @param {CommandOption} option @param {string | undefined} value */
function faultOf({ takes, least = 0, most = Number.MAX_SAFE_INTEGER }, value) {
  switch (takes) {
    case 'flag':
      return value === undefined ? null : 'takes no value';
    case 'whole': {
      const isWhole =
        value !== undefined && /^\d{1,15}$/.test(value) && Number(value) >= least && Number(value) <= most;
      return isWhole ? null : `takes a whole number from ${least} to ${most}`;
    }
    case 'address':
      return isAddress(value) ? null : 'takes an http address without a password';
    case 'path':
      return value === undefined || value === '' ? 'takes a path' : null;
  }
}

/** @param {string | undefined} value */
function isAddress(value) {
  if (value === undefined || !URL.canParse(value)) return false;
  const { protocol, username, password } = new URL(value);
  return /^https?:$/.test(protocol) && username + password === '';
}

/** @param {string | undefined} arg */
function isValue(arg) {
  return arg !== undefined && !arg.startsWith('--');
}

/**
 * What is wrong with an argument that is no option. Only a name is repeated: what stands for itself, or after a name, may be a
 * value whose option was forgotten, and a secret.
 *
 * @param {string} arg
 */
function unknown(arg) {
  const [name] = /^--?[a-z\d][a-z\d-]{0,37}/i.exec(arg) ?? [];
  return name === undefined ? 'an argument belongs to no option' : `${name} is not an option`;
}
