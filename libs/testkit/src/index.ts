export { startNatsServer, type NatsServer, type NatsServerOptions } from './nats-server.js';
export { freshDatabase, type FreshDatabase } from './postgres-server.js';
export { freshName, openRunServices, serviceUrl, type RunServices, type ServiceName } from './run-services.js';
export { fetchTool, type ToolName } from './toolbox.js';
