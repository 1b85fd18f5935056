import { expect, test } from "vitest";
import { countReads, countsBetween, countWrites, parseRequestCounts } from "./request-counts.ts";

const metrics = `# TYPE apiserver_request_total counter
apiserver_request_total{code="201",component="apiserver",dry_run="",group="batch",resource="jobs",scope="resource",subresource="",verb="POST",version="v1"} 7
apiserver_request_total{code="409",component="apiserver",dry_run="",group="batch",resource="jobs",scope="resource",subresource="",verb="POST",version="v1"} 1
apiserver_request_total{code="200",component="apiserver",dry_run="",group="batch",resource="jobs",scope="resource",subresource="status",verb="PATCH",version="v1"} 1e+03
apiserver_request_total{code="200",component="apiserver",dry_run="",group="batch",resource="jobs",scope="cluster",subresource="",verb="LIST",version="v1"} 2
apiserver_request_total{code="200",component="apiserver",dry_run="",group="coordination.k8s.io",resource="leases",scope="resource",subresource="",verb="PUT",version="v1"} 5
apiserver_request_duration_seconds_count{verb="POST"} 9
`;

test("requests are counted by verb, resource and subresource, whatever they were answered", () => {
  expect(parseRequestCounts(metrics)).toEqual({
    "POST jobs": 8,
    "PATCH jobs/status": 1000,
    "LIST jobs": 2,
    "PUT leases": 5,
  });
});

test("only what came between two countings counts", () => {
  expect(countsBetween({ "POST jobs": 3, "LIST jobs": 2 }, { "POST jobs": 8, "LIST jobs": 2, "GET pods": 1 })).toEqual({
    "POST jobs": 5,
    "GET pods": 1,
  });
});

test("writes are those of anything but leases, reads those of the kinds that are asked for", () => {
  const counts = { ...parseRequestCounts(metrics), "GET pods": 4, "WATCH jobs": 1 };
  expect(countWrites(counts)).toBe(1008);
  expect(countReads(counts, ["jobs"])).toBe(2);
  expect(countReads(counts, ["jobs", "pods"])).toBe(6);
});
