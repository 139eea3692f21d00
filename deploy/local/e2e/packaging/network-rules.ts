import { BlockList, isIPv6 } from 'node:net';
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import type { INetworkPolicyPeer } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicyPeer';
import type { INetworkPolicyPort } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicyPort';

type Labels = Record<string, string>;
type LabelSelector = NonNullable<INetworkPolicyPeer['podSelector']>;

export interface Pod {
  labels: Labels;
  /** Labels of its namespace; absent: the namespace of the policies. */
  namespace?: Labels;
}

export interface Connection {
  /** A pod, or an address outside of the cluster. */
  from: Pod | string;
  to: Pod | string;
  port: number;
  protocol?: 'TCP' | 'UDP';
}

function selects(selector: LabelSelector, labels: Labels): boolean {
  const expressions = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return (
    expressions &&
    (selector.matchExpressions ?? []).every(({ key, operator, values }) => {
      if (operator !== 'In') throw new Error(`the operator ${operator} is not read: teach it to selects`);
      return labels[key] !== undefined && (values ?? []).includes(labels[key]);
    })
  );
}

function contains(cidr: string, address: string): boolean {
  const [network = '', bits] = cidr.split('/');
  const family = isIPv6(network) ? 'ipv6' : 'ipv4';
  const block = new BlockList();
  block.addSubnet(network, Number(bits), family);
  return (isIPv6(address) ? 'ipv6' : 'ipv4') === family && block.check(address, family);
}

function isPeer({ ipBlock, namespaceSelector, podSelector }: INetworkPolicyPeer, place: Pod | string): boolean {
  if (typeof place === 'string') {
    if (ipBlock === undefined) return false;
    return contains(ipBlock.cidr, place) && !(ipBlock.except ?? []).some((cidr) => contains(cidr, place));
  }
  if (ipBlock !== undefined) return false;
  const inNamespace = namespaceSelector
    ? place.namespace !== undefined && selects(namespaceSelector, place.namespace)
    : place.namespace === undefined;
  return inNamespace && selects(podSelector ?? {}, place.labels);
}

function isPort(ports: readonly INetworkPolicyPort[] | undefined, { port, protocol = 'TCP' }: Connection): boolean {
  if (ports === undefined) return true;
  return ports.some((each) => {
    if (each.endPort !== undefined || typeof each.port === 'string')
      throw new Error('port ranges and names are not read');
    return (each.protocol ?? 'TCP') === protocol && (each.port === undefined || each.port === port);
  });
}

interface Side {
  type: 'Ingress' | 'Egress';
  pod: Pod;
  other: Pod | string;
}

/** Policies add up: a pod that none selects is open, one that some select has what any of them allows. */
function allows(policies: readonly INetworkPolicy[], side: Side, connection: Connection): boolean {
  // Policies of other namespaces are not known, so nothing is said of them.
  if (side.pod.namespace !== undefined) return true;
  const selecting = policies.flatMap(({ spec }) => {
    if (spec?.policyTypes === undefined) throw new Error('a policy without policyTypes is not read');
    return spec.policyTypes.includes(side.type) && selects(spec.podSelector, side.pod.labels) ? [spec] : [];
  });
  if (selecting.length === 0) return true;
  return selecting.some((spec) => {
    const rules =
      side.type === 'Egress'
        ? (spec.egress ?? []).map(({ to, ports }) => ({ peers: to, ports }))
        : (spec.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports }));
    return rules.some(
      ({ peers, ports }) =>
        isPort(ports, connection) && (peers === undefined || peers.some((peer) => isPeer(peer, side.other))),
    );
  });
}

/** Whether a cluster that enforces these policies lets this connection be opened. */
export function mayOpen(policies: readonly INetworkPolicy[], connection: Connection): boolean {
  const { from, to } = connection;
  const out = typeof from === 'string' || allows(policies, { type: 'Egress', pod: from, other: to }, connection);
  const into = typeof to === 'string' || allows(policies, { type: 'Ingress', pod: to, other: from }, connection);
  return out && into;
}
