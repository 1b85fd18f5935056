export { type ApiCall, isWrite, readCall, type Verb } from "./api-call.ts";
export { describeFault, type Effect, type Fault, type RefusedStatus } from "./fault.ts";
export { drawPlan, type PlanOptions } from "./fault-plan.ts";
export { type Answer, type ClientCertificate, FaultProxy, type FaultProxyOptions, type Tap } from "./fault-proxy.ts";
