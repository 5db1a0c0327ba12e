export {
  definePlugin,
  refuse,
  PLUGIN_API_VERSION,
  type Extension,
  type OrderFacts,
  type OrderPlugin,
} from './order-plugin.js';
