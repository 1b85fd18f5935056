import { findFreePorts } from "../process/free-port.ts";

/** Loopback TCP ports of a control plane. */
export interface ControlPlanePorts {
  etcd: number;
  etcdPeer: number;
  apiServer: number;
  controllerManager: number;
  scheduler: number;
}

/** Ports that are free now. */
export async function chooseControlPlanePorts(): Promise<ControlPlanePorts> {
  const [etcd = 0, etcdPeer = 0, apiServer = 0, controllerManager = 0, scheduler = 0] = await findFreePorts(5);
  return { etcd, etcdPeer, apiServer, controllerManager, scheduler };
}
