export { type Gateway, type GatewayOptions, startGateway } from "./gateway/gateway.ts";
export type { Readiness } from "./gateway/gateway-requests.ts";
export { createLogger } from "./gateway/logger.ts";
export { Redactor } from "./gateway/redactor.ts";
export { encodeReport } from "./gateway/report.ts";
