import type { AgentConfig } from '../agent/agent-config.js';

export const INSTANCE_STATES = ['pending', 'running', 'shutting-down', 'terminated', 'stopping', 'stopped'] as const;
export type InstanceState = (typeof INSTANCE_STATES)[number];

export const STATE_CODES: Readonly<Record<InstanceState, number>> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
};

/** Who made it happen: a caller of the EC2 API, somebody outside it, the instance's own agent, or an injected fault. */
export type Cause = 'api' | 'outside' | 'agent' | 'fault';

export type Tags = ReadonlyMap<string, string>;
export type Market = 'on-demand' | 'spot';

export interface StateReason {
  code: string;
  message: string;
}

export interface Subnet {
  id: string;
  availabilityZone: string;
  vpcId: string;
  /** The first two octets of its addresses: `10.1`. */
  network: string;
}

export interface MetadataOptions {
  httpTokens: 'optional' | 'required';
  httpEndpoint: 'enabled' | 'disabled';
  httpPutResponseHopLimit: number;
  instanceMetadataTags: 'enabled' | 'disabled';
}

/** What one RunInstances call asked for, once checked. */
export interface LaunchSpec {
  imageId: string;
  instanceType: string;
  subnet: Subnet;
  securityGroupIds: readonly string[];
  publicAddress: boolean;
  market: Market;
  shutdownBehavior: 'stop' | 'terminate';
  terminationProtection: boolean;
  metadataOptions: MetadataOptions;
  /** Base64, as sent. */
  userData: string | null;
  instanceProfile: string | null;
  keyName: string | null;
  tenancy: string;
  monitoring: boolean;
  ebsOptimized: boolean;
  tags: Tags;
}

/** One reservation: everything its instances share. */
export interface Launch {
  readonly reservationId: string;
  readonly region: string;
  readonly spec: LaunchSpec;
  readonly clientToken: string | null;
  /** Digest of the request's parameters; null for launches that did not come through the API. */
  readonly fingerprint: string | null;
  readonly launchedAt: number;
  readonly cause: Cause;
  readonly agentConfig: AgentConfig | null;
  /** By launch index; terminated ones stay, because the token answers for them. */
  readonly instances: Instance[];
}

/** What the agent on an instance has learnt from the control plane. */
export interface AgentSession {
  relayId: string;
  sessionSecret: string;
  heartbeatSeconds: number;
  /** RFC 3339, as last heard. */
  leaseExpiresAt: string;
  leaseToken: string | null;
}

export interface Instance {
  readonly id: string;
  /** Position in the region's listing order. */
  readonly seq: number;
  readonly launch: Launch;
  readonly launchIndex: number;
  /** Which machine of the cloud it is; its addresses follow from it. */
  readonly host: number;
  /** Until then, calls that name it or would match it do not find it. */
  readonly visibleAt: number;
  state: InstanceState;
  /** Replaced, never changed in place: launches and ledger entries share it. */
  tags: Tags;
  protected: boolean;
  runningAt: number | null;
  endedAt: number | null;
  /** When the present state ends by itself; null when it does not. */
  nextChangeAt: number | null;
  stateReason: StateReason | null;
  endCause: Cause | null;
  agentSession: AgentSession | null;
  /** No longer listed: terminated more than an hour ago. */
  forgotten: boolean;
}

/** 198.18.0.0/15, set aside for benchmarks: no simulated address is anybody's. */
const PUBLIC_ADDRESSES = 2 ** 17;

export function privateAddressOf({ host, launch }: Instance): string {
  return `${launch.spec.subnet.network}.${(host >> 8) & 255}.${host & 255}`;
}

/** The address it has from the start, shown or not; null when it was launched without one. */
export function publicAddressOf({ host, launch }: Instance): string | null {
  const low = host % PUBLIC_ADDRESSES;
  return launch.spec.publicAddress ? `198.${18 + (low >> 16)}.${(low >> 8) & 255}.${low & 255}` : null;
}
