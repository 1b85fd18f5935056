import { expect, it } from "vitest";
import { buildNetworkPolicy } from "./network-policy.ts";

const selected = { "app.kubernetes.io/managed-by": "orchestrator", "orchestrator.io/kind": "ReviewRun" };
const options = { namespace: "team-a", kind: "ReviewRun", prefix: "review" };

it("lets nobody in, and out only to names and to public addresses at port 443", () => {
  const { metadata, spec } = buildNetworkPolicy({ ...options, open: [] });
  expect(metadata).toMatchObject({ name: "orchestrator-review-runs", namespace: "team-a", labels: selected });
  expect(spec).toMatchObject({
    podSelector: { matchLabels: selected },
    policyTypes: ["Ingress", "Egress"],
    ingress: [],
  });
  const [names, https, ...others] = spec.egress ?? [];
  expect(names?.ports.map(({ port }) => port)).toEqual([53, 53, 5353, 5353]);
  expect(https?.ports).toEqual([{ protocol: "TCP", port: 443 }]);
  const blocks = JSON.stringify(https?.to);
  expect(blocks).toContain('"cidr":"0.0.0.0/0"');
  for (const range of ["10.0.0.0/8", "169.254.0.0/16", "192.168.0.0/16"]) expect(blocks).toContain(`"${range}"`);
  expect(blocks).toContain('{"cidr":"::/0","except":["fc00::/7","fe80::/10"]}');
  expect(others).toEqual([]);
});

it("opens what the settings say, and has another hash then", () => {
  const closed = buildNetworkPolicy({ ...options, open: [] });
  const open = buildNetworkPolicy({
    ...options,
    open: [
      { type: "namespace", namespace: "git", port: 8443 },
      { type: "addresses", cidr: "10.20.0.0/16", port: 443 },
    ],
  });
  expect(open.spec.egress?.slice(2)).toEqual([
    {
      to: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "git" } } }],
      ports: [{ protocol: "TCP", port: 8443 }],
    },
    { to: [{ ipBlock: { cidr: "10.20.0.0/16" } }], ports: [{ protocol: "TCP", port: 443 }] },
  ]);
  expect(open.metadata.annotations).not.toEqual(closed.metadata.annotations);
});
