export { gatewaySettings, readGatewayConfig, type GatewayConfig, type RoleAddress } from './config.js';
export { createGatewayMetrics } from './gateway-metrics.js';
export { startGateway, type GatewayParts, type RunningGateway } from './start-gateway.js';
