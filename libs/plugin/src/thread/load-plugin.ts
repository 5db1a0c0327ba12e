import { z } from 'zod';
import { PLUGIN_API_VERSION, type OrderPlugin } from '../order-plugin.js';
import type { PluginDescription, SchemaName } from './messages.js';

const schemaNames: readonly SchemaName[] = ['order', 'request', 'placed', 'redemption', 'redeemed'];
const hookNames = ['validateOrder', 'extendRequest', 'answerOrder', 'validateRedemption', 'answerRedemption'] as const;
const namePattern = /^[a-z][a-z0-9-]{0,31}$/;

/** Imports a plugin and holds it against the interface. @throws Error with one sentence that says what is wrong */
export async function loadPlugin(specifier: string): Promise<OrderPlugin> {
  const module = (await import(specifier)) as { readonly default?: Partial<OrderPlugin> }; // checked below
  const plugin = module.default;
  if (typeof plugin !== 'object' || plugin === null) throw new Error('its default export is no plugin');
  if (plugin.apiVersion !== PLUGIN_API_VERSION) {
    throw new Error(`it is of API version ${String(plugin.apiVersion)}, and this node runs ${PLUGIN_API_VERSION}`);
  }
  if (typeof plugin.name !== 'string' || !namePattern.test(plugin.name)) throw new Error('it has no valid name');
  const missing = schemaNames.filter((name) => typeof plugin.schemas?.[name]?.safeParseAsync !== 'function');
  if (missing.length > 0) throw new Error(`it has no schema for ${missing.join(', ')}`);
  const odd = hookNames.filter((name) => plugin[name] !== undefined && typeof plugin[name] !== 'function');
  if (odd.length > 0) throw new Error(`${odd.join(', ')} must be a function`);
  if (plugin.passThrough !== undefined && (plugin.passThrough !== true || hookNames.some((name) => plugin[name]))) {
    throw new Error('passThrough is true, and without any hook, or left out');
  }
  return plugin as OrderPlugin; // all of it was looked at
}

/** What a loaded plugin says of itself. @throws Error where a schema can't be said in JSON Schema */
export function describePlugin({ name, apiVersion, schemas }: OrderPlugin): PluginDescription {
  const text = (schema: SchemaName) => {
    const { $schema: _, ...made } = z.toJSONSchema(schemas[schema], { io: 'input', unrepresentable: 'any' });
    return JSON.stringify(made);
  };
  return {
    name,
    apiVersion,
    schemas: {
      order: text('order'),
      request: text('request'),
      placed: text('placed'),
      redemption: text('redemption'),
      redeemed: text('redeemed'),
    },
  };
}
