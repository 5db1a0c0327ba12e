import { JSON_MAX_DEPTH, JSON_MAX_VALUES } from '@dta/contracts';
import { DtaError } from '@dta/errors';
import { Refusal } from '../problem.js';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const BYTE_ORDER_MARK = '\ufeff';

/**
 * The value of a JSON document: every text and number in it is the one that was sent. What can't be taken so is refused, and
 * what no request needs, before a schema walks it. A byte order mark before the document is no part of it, and ignored (RFC
 * 8259, section 8.1).
 *
 * @throws `request_invalid` for bytes that aren't UTF-8, text that isn't JSON, half a surrogate pair, a number
 * that would be another, a name that stands twice in one object, the name `__proto__`, and more than 5,000 values or 16 levels
 */
export function parseJson(bytes: Uint8Array): unknown {
  const text = textOf(bytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new DtaError('request_invalid', 'the body is not well-formed JSON');
  }
  checkValues(value);
  checkText(text);
  return value;
}

function textOf(bytes: Uint8Array): string {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw new DtaError('request_invalid', 'the body is not UTF-8; write bytes as base64 or hex');
  }
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
}

/** A value and where it stands. */
interface Placed {
  readonly value: unknown;
  readonly path: string;
}

function checkValues(body: unknown): void {
  let level: Placed[] = [{ value: body, path: '' }];
  let values = 0;
  for (let depth = 0; level.length > 0; depth += 1) {
    values += level.length;
    if (values > JSON_MAX_VALUES) throw tooMuch(`more than ${JSON_MAX_VALUES} values`);
    if (depth > JSON_MAX_DEPTH) throw tooMuch(`nested more than ${JSON_MAX_DEPTH} deep`);
    level = level.flatMap(children);
  }
}

function children({ value, path }: Placed): Placed[] {
  if (typeof value === 'string' && !value.isWellFormed()) throw halfAPair(path);
  if (typeof value !== 'object' || value === null) return [];
  if (Object.hasOwn(value, '__proto__')) throw new DtaError('request_invalid', 'no field may be called __proto__');
  return Object.entries(value).map(([name, child]) => {
    if (!name.isWellFormed()) throw halfAPair(path);
    return { value: child, path: path === '' ? name.slice(0, 64) : `${path}.${name.slice(0, 64)}` };
  });
}

function halfAPair(path: string): Refusal {
  const message =
    'holds half a surrogate pair (\\ud800 to \\udfff alone), which is no text: write bytes as base64 or hex';
  return new Refusal('request_invalid', 'the request has one fault', { members: { errors: [{ path, message }] } });
}

function tooMuch(what: string): DtaError {
  return new DtaError('request_invalid', `the body holds ${what}`);
}

/**
 * Refuses what the parser alters: an object in which a name stands twice, of which it keeps the last, and a number that it
 * rounds or that has another form. `text` is well-formed JSON.
 */
function checkText(text: string): void {
  const open: (Set<string> | null)[] = []; // for each object its names so far, for each list null
  let mayName = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === '"') {
      const end = endOfText(text, at);
      if (mayName) addName(open.at(-1), JSON.parse(text.slice(at, end + 1)) as string); // a text, as its quote says
      mayName = false;
      at = end;
    } else if (char === '{' || char === '[') {
      open.push(char === '{' ? new Set() : null);
      mayName = char === '{';
    } else if (char === '}' || char === ']') {
      open.pop();
      mayName = false;
    } else if (char === ',') {
      mayName = true; // in a list there are no names to add to
    } else if (char === '-' || (char !== undefined && char >= '0' && char <= '9')) {
      numberAt.lastIndex = at;
      const number = numberAt.exec(text)?.[0] ?? '';
      if (String(Number(number)) !== number) throw alteredNumber();
      at += number.length - 1;
    }
  }
}

const numberAt = /-?\d[\d.eE+-]*/y;

function alteredNumber(): DtaError {
  return new DtaError('request_invalid', 'a number of the body is not whole, above 2^53 - 1, or not in digits alone');
}

function addName(names: Set<string> | null | undefined, name: string): void {
  if (names?.has(name) === true) throw new DtaError('request_invalid', 'a name stands twice in one object of the body');
  names?.add(name);
}

/** Where the text that begins at `start` has its closing quote. */
function endOfText(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}
