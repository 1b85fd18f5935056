export { type Backoff, backoffDelay } from "./backoff.ts";
export {
  ApiError,
  isApiError,
  ServerUnreachableError,
  type StatusDetails,
  unlessNotFound,
} from "./client/api-error.ts";
export { fencedClient, type ReconcileClient } from "./client/fenced-client.ts";
export { type DeleteOptions, KubernetesClient, type ListPage, type Selection } from "./client/kubernetes-client.ts";
export type { WatchBookmark, WatchEvent } from "./client/watch-event.ts";
export { type Clock, sleep, systemClock } from "./clock.ts";
export type { Connection, Credentials } from "./connection/connection.ts";
export { ConnectionConfigError } from "./connection/connection-error.ts";
export { loadConnection } from "./connection/load-connection.ts";
export { Controller, ReconcileTimeoutError } from "./controller/controller.ts";
export { type Reconcile, type ReconcileResult, TerminalError } from "./controller/reconcile-result.ts";
export { EventRecorder } from "./events/event-recorder.ts";
export type { Change, ChangeContext } from "./informer/change.ts";
export { Informer, type InformerOptions } from "./informer/informer.ts";
export type { Store } from "./informer/store.ts";
export type { KubernetesObject, ObjectKey, ObjectMeta, OwnerReference } from "./kubernetes-object.ts";
export {
  type LeaderElectionOptions,
  LeaderElector,
  LeadershipLostError,
  LeaseUnavailableError,
} from "./leader-election/leader-elector.ts";
export { createLogger } from "./log/logger.ts";
export { Manager, ShutdownTimeoutError } from "./manager/manager.ts";
export { createMetrics, type Metrics } from "./metrics/metrics.ts";
export { microTime } from "./micro-time.ts";
export { keyOf, keyText } from "./object-key.ts";
export { controllerOf } from "./owner-reference.ts";
export { apiVersion, type ResourceType } from "./resource-type.ts";
export { compareResourceVersions } from "./resource-version.ts";
export type * from "./resources/objects.ts";
export { resources } from "./resources/resources.ts";
export { ResourceUnavailableError } from "./watch/resource-unavailable-error.ts";
export type { Logger } from "pino";
