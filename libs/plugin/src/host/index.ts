export type { PluginLimits } from './limits.js';
export { importSpecifier } from './plugin-source.js';
export { openPlugins, type Plugins, type TakenOrder } from './open-plugins.js';
export type { Facts as PluginFacts, PluginDescription, SchemaName } from '../thread/messages.js';
