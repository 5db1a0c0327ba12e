export { gatewaySettings, readGatewayConfig, type GatewayConfig, type RoleAddress } from './config.js';
export { startGateway, type GatewayParts, type RunningGateway } from './start-gateway.js';
