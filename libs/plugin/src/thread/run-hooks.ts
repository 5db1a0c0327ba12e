import { isDtaError } from '@dta/errors';
import type { z } from 'zod';
import { refuse, type Extension, type OrderPlugin } from '../order-plugin.js';
import type { AnswerMessage, CallName, CallMessage, Facts, Inputs } from './messages.js';

/** What the plugin, not its caller, did wrong; in words of ours, since nobody knows what is in a plugin's own. */
class HookFault extends Error {}

/**
 * Runs the hooks of one call and checks what they give against the plugin's own schemas. Answers always, whatever a hook
 * throws; wipes the secret and what was held.
 */
export async function runHooks(plugin: OrderPlugin, message: CallMessage): Promise<AnswerMessage> {
  try {
    const { extension, held = null } = await calls(plugin)[message.call](message.input as never); // its own call's input
    return { extension: JSON.stringify(extension), held };
  } catch (error) {
    if (isDtaError(error, 'plugin_refused')) return { refused: error.message };
    return { fault: error instanceof HookFault ? error.message : 'its answer is no JSON' };
  } finally {
    const { secret, held } = message.input as { secret?: Uint8Array; held?: Uint8Array | null }; // where the call has them
    secret?.fill(0);
    held?.fill(0);
  }
}

type Calls = { [C in CallName]: (input: Inputs[C]) => Promise<{ extension: Extension; held?: Uint8Array | null }> };

function calls(plugin: OrderPlugin): Calls {
  const { schemas } = plugin;
  const factsOf = async ({ orderReference, orderReferenceBytes, commitment, request }: Facts) => ({
    ...{ orderReference, orderReferenceBytes, commitment },
    request: await checked(schemas.request, request, 'the Request does not have the form of this plugin'),
  });
  const redemptionOf = async (input: Facts & { redemption: Extension }) => {
    const facts = { ...(await factsOf(input)), redemption: await asked(schemas.redemption, input.redemption) };
    await hook('validateRedemption', () => plugin.validateRedemption?.(facts));
    return facts;
  };
  return {
    placeOrder: async ({ extension }) => {
      const order = await asked(schemas.order, extension);
      await hook('validateOrder', () => plugin.validateOrder?.(order));
      const made = await hook('extendRequest', () => plugin.extendRequest?.(order));
      const held = made?.held ?? null;
      if (held !== null && !(held instanceof Uint8Array))
        throw new HookFault('extendRequest holds back what is no bytes');
      return { extension: await answered(schemas.request, made?.request ?? {}, 'extendRequest'), held };
    },
    answerOrder: async (input) => {
      const facts = { ...(await factsOf(input)), held: input.held };
      const placed = await hook('answerOrder', () => plugin.answerOrder?.(facts));
      return { extension: await answered(schemas.placed, placed ?? {}, 'answerOrder') };
    },
    validateRedemption: async (input) => {
      await redemptionOf(input);
      return { extension: {} };
    },
    answerRedemption: async (input) => {
      const facts = { ...(await redemptionOf(input)), secret: input.secret };
      const redeemed = await hook('answerRedemption', () => plugin.answerRedemption?.(facts));
      return { extension: await answered(schemas.redeemed, redeemed ?? {}, 'answerRedemption') };
    },
  };
}

/** Runs one hook: a refusal goes through, anything else that it throws becomes a fault. */
async function hook<T>(name: string, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (isDtaError(error, 'plugin_refused')) throw error;
    throw new HookFault(`${name} failed`);
  }
}

/** What a client gave. @throws `plugin_refused` with every fault, by its path; never a value */
async function asked<T>(schema: z.ZodType<T>, value: unknown): Promise<T> {
  const result = await parsed(schema, value);
  if (result.success) return result.data;
  const faults = result.error.issues.slice(0, 10).map(({ path, message }) => {
    const place = ['extension', ...path.map(String)].join('.');
    return `${place}: ${message}`;
  });
  return refuse(faults.join('; '));
}

function answered<T>(schema: z.ZodType<T>, value: unknown, name: string): Promise<T> {
  return checked(schema, value, `${name} answers what its schema does not allow`);
}

async function checked<T>(schema: z.ZodType<T>, value: unknown, otherwise: string): Promise<T> {
  const result = await parsed(schema, value);
  if (!result.success) throw new HookFault(otherwise);
  return result.data;
}

/** A schema may hold code of the plugin's own. */
async function parsed<T>(schema: z.ZodType<T>, value: unknown) {
  try {
    return await schema.safeParseAsync(value);
  } catch {
    throw new HookFault('a schema failed');
  }
}
