import { readFileSync } from 'node:fs';
import { DtaError } from '@dta/errors';
import { z } from 'zod';

/**
 * The settings of an app: a flat strict object whose keys are names in the environment, each described with `.describe()`.
 * Values arrive as text; {@link settings} has the schemas for what isn't text.
 */
export type SettingsSchema = z.ZodObject;

/** One row of the table of settings in a README. */
export interface SettingRow {
  readonly name: string;
  readonly meaning: string;
  /** As text, `null` where there is none; that of a secret is never shown. */
  readonly default: string | null;
  readonly required: boolean;
  readonly secret: boolean;
}

/** So many values of a replaceable setting hold at a time. */
const VALUES_AT_ONCE_MAX = 4;

const secrets = z.registry<{ readonly secret: true }>();

/** Marks a setting whose value is never printed; it is better given by file. */
export function secret<S extends z.ZodType>(schema: S): S {
  secrets.add(schema, { secret: true });
  return schema;
}

/** Schemas for settings that aren't plain text. */
export const settings = {
  /** A whole number. */
  integer: (min: number, max: number) =>
    z
      .string()
      .regex(/^-?\d{1,15}$/, 'must be a whole number')
      .transform(Number)
      .pipe(z.int().min(min).max(max)),
  /** `true` or `false`. */
  flag: () => z.enum(['true', 'false']).transform((text) => text === 'true'),
  /** Several values, between commas, spaces or new lines; none twice. */
  list: <S extends z.ZodType<unknown, string>>(each: S) =>
    z
      .string()
      .transform((text) => text.split(/[\s,]+/).filter((part) => part !== ''))
      .pipe(z.array(each))
      .refine((values) => new Set(values).size === values.length, 'must not name one twice'),
  /**
   * The address of a server with a user and a password in it. A password with one of `/ ? #` in it ends the host's name too
   * early, and what follows would be shown as the place: it is refused, and no part of it told.
   */
  address: (protocol: RegExp, error = 'must be an address of this form: protocol://user:password@host:port/path') =>
    z
      .url({ protocol, error })
      .refine(
        (text) => !hasLostPassword(text),
        'has an @ after its host: write / ? # and @ of a password as %2F %3F %23 %40',
      ),
  /** `length` bytes in hex. */
  hex: (length: number) =>
    z
      .string()
      .regex(new RegExp(`^[0-9a-fA-F]{${length * 2}}$`), `must be ${length} bytes in hex`)
      .transform((text) => new Uint8Array(Buffer.from(text, 'hex'))),
  /** A value that is replaced while others go by it: one, or up to four with colons between. The first is the one to use. */
  replaceable: <S extends z.ZodType<unknown, string>>(each: S) =>
    z
      .string()
      .transform((text) => text.split(':').map((part) => part.trim()))
      .pipe(z.array(each).max(VALUES_AT_ONCE_MAX, 'must hold four at most'))
      .transform((values) => values as [z.output<S>, ...z.output<S>[]]), // to split gives one at least
};

function hasLostPassword(text: string): boolean {
  if (!URL.canParse(text)) return false; // which is another fault
  const { pathname, search, hash } = new URL(text);
  return `${pathname}${search}${hash}`.includes('@');
}

/**
 * Reads an app's settings out of an environment, once. Each may be given as `NAME` or, by the path of a file that holds
 * it, as `NAME_FILE`; an empty value counts as none.
 *
 * @throws DtaError `configuration_invalid` with every fault in its message, and no value
 */
export function readConfig<S extends SettingsSchema>(
  schema: S,
  env: Readonly<Record<string, string | undefined>>,
): z.output<S> {
  const faults: string[] = [];
  const given: Record<string, string> = {};
  const faulty = new Set<string>();
  for (const name of Object.keys(schema.shape)) {
    const { value, fault } = readSetting(name, env);
    if (value !== undefined) given[name] = value;
    if (fault === undefined) continue;
    faults.push(fault);
    faulty.add(name);
  }
  const result = schema.safeParse(given);
  if (result.success && faults.length === 0) return result.data;
  for (const issue of result.error?.issues ?? []) {
    const name = issue.path.map(String)[0];
    if (name === undefined) faults.push(issue.message);
    else if (!faulty.has(name)) faults.push(`${name}: ${given[name] === undefined ? missing(issue) : issue.message}`);
    if (name !== undefined) faulty.add(name); // one fault a setting: others often follow from it
  }
  throw new DtaError('configuration_invalid', `the configuration is not valid: ${faults.join('; ')}`, {
    metadata: { faults },
  });
}

function readSetting(
  name: string,
  env: Readonly<Record<string, string | undefined>>,
): { value?: string | undefined; fault?: string } {
  const byFile = `${name}_FILE`;
  const value = emptyAsNone(env[name]);
  const path = emptyAsNone(env[byFile]);
  if (path === undefined) return { value };
  if (value !== undefined) return { fault: `${name}: is given twice, as ${name} and as ${byFile}` };
  try {
    const text = emptyAsNone(readFileSync(path, 'utf8'));
    return text === undefined ? { fault: `${byFile}: the file is empty` } : { value: text };
  } catch (cause) {
    return { fault: `${byFile}: the file can't be read (${errnoOf(cause)})` };
  }
}

/** What an issue means for a setting that isn't there: its own message where a cross-check of the schema made it. */
function missing(issue: z.core.$ZodIssue): string {
  return issue.code === 'custom' ? issue.message : 'is missing';
}

function emptyAsNone(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === '' ? undefined : text.trim();
}

function errnoOf(cause: unknown): string {
  return typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : 'unknown';
}

/** The rows of the table of settings, in the schema's order. */
export function describeConfig(schema: SettingsSchema): SettingRow[] {
  return Object.entries(schema.shape).map(([name, setting]) => {
    const type = setting as z.ZodType; // what a ZodObject's shape holds; its own type is wider
    const isSecret = isMarkedSecret(type);
    const fallback = defaultOf(type);
    return {
      name,
      meaning: meaningOf(type),
      default: fallback === undefined ? null : isSecret ? '(hidden)' : showDefault(fallback),
      required: !type.safeParse(undefined).success,
      secret: isSecret,
    };
  });
}

/** The schema itself and what it wraps, from outside in. */
function* layers(schema: z.ZodType): Generator<z.ZodType> {
  let layer: z.ZodType | undefined = schema;
  while (layer !== undefined) {
    yield layer;
    const inner: unknown = 'innerType' in layer.def ? layer.def.innerType : undefined;
    layer = inner instanceof z.ZodType ? inner : undefined;
  }
}

function isMarkedSecret(schema: z.ZodType): boolean {
  return [...layers(schema)].some((layer) => secrets.get(layer)?.secret === true);
}

function meaningOf(schema: z.ZodType): string {
  for (const layer of layers(schema)) if (layer.description !== undefined) return layer.description;
  return '';
}

function defaultOf(schema: z.ZodType): unknown {
  for (const layer of layers(schema)) if ('defaultValue' in layer.def) return layer.def.defaultValue;
  return undefined;
}

function showDefault(value: unknown): string {
  return Array.isArray(value) ? value.map(String).join(',') : String(value);
}
