import type { Lease } from "../resources/objects.ts";
import { json, type Reply, status } from "./scripted-server.ts";

/** The Lease part of an API server, for one lease: create, get, and guarded replace; a watch where `watched` answers it. */
export class LeaseApi {
  lease: Lease | undefined;
  watched: Reply = status(403, "Forbidden");
  #version = 0;

  readonly reply: Reply = (response, request) => {
    if (request.method === "GET" && request.path.endsWith("/leases")) return this.watched(response, request);
    this.#answer(request.method, request.body as Lease)(response, request);
  };

  /** Writes as somebody else would. */
  write(lease: Lease): Lease {
    this.#version += 1;
    const metadata = { ...lease.metadata, uid: "uid", resourceVersion: String(this.#version) };
    this.lease = { ...lease, metadata };
    return this.lease;
  }

  #answer(method: string, body: Lease): Reply {
    switch (method) {
      case "POST":
        return this.lease ? status(409, "AlreadyExists") : json(201, this.write(body));
      case "PUT":
        if (body.metadata.resourceVersion !== this.lease?.metadata.resourceVersion) return status(409, "Conflict");
        return json(200, this.write(body));
      default:
        return this.lease ? json(200, this.lease) : status(404, "NotFound");
    }
  }
}

export function lease(spec: NonNullable<Lease["spec"]>): Lease {
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { namespace: "one", name: "lease" },
    spec: { leaseDurationSeconds: 15, leaseTransitions: 3, renewTime: "2026-01-01T00:00:00.000000Z", ...spec },
  };
}
