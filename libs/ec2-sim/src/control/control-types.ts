import type * as z from 'zod';
import type { CallCounts, CallRecord } from '../state/call-log.js';
import type { CapacityLimit, Quota } from '../state/capacity.js';
import type { LedgerEvent, LedgerRecord } from '../state/ledger.js';
import type { Cause, InstanceState, Market, MetadataOptions, StateReason } from '../state/model.js';
import type { agentsSchema, imageParameterSchema, killSchema, seedSchema } from './control-schema.js';

/** An instance as the control API shows it: the truth, with no delay of visibility. Times are Unix milliseconds. */
export interface SimInstance {
  id: string;
  region: string;
  state: InstanceState;
  tags: Record<string, string>;
  clientToken: string | null;
  launchIndex: number;
  reservationId: string;
  instanceType: string;
  imageId: string;
  subnetId: string;
  market: Market;
  privateAddress: string;
  publicAddress: string | null;
  protected: boolean;
  launchedAt: number;
  runningAt: number | null;
  endedAt: number | null;
  stateReason: StateReason | null;
  launchCause: Cause;
  endCause: Cause | null;
  agent: { relayId: string; leaseExpiresAt: string } | null;
}

export interface SimInstanceDetails extends SimInstance {
  /** Decoded. */
  userData: string | null;
  securityGroupIds: readonly string[];
  shutdownBehavior: 'stop' | 'terminate';
  metadataOptions: MetadataOptions;
  instanceProfile: string | null;
  keyName: string | null;
}

export interface SimState {
  now: number;
  agents: number;
  regions: Record<string, { counts: Record<InstanceState, number>; instances: SimInstance[] }>;
}

export interface StateQuery {
  region?: string;
  state?: InstanceState;
  /** False: counts alone, for clouds too large to print. */
  instances?: boolean;
}

export type LedgerEntry = Omit<LedgerRecord, 'tags'> & { tags: Record<string, string> };

export interface LedgerQuery {
  /** Only entries with a greater `seq`. */
  after?: number;
  limit?: number;
  region?: string;
  event?: LedgerEvent;
  instanceId?: string;
}

export interface CallQuery {
  after?: number;
  limit?: number;
  region?: string;
  operation?: string;
}

export interface CallPage {
  calls: CallRecord[];
  /** The latest call's number, whether or not it is in this page. */
  lastSeq: number;
}

export interface LedgerPage {
  records: LedgerEntry[];
  lastSeq: number;
}

export interface CapacityState {
  limits: CapacityLimit[];
  quotas: Quota[];
}

export type KillRequest = z.input<typeof killSchema>;
export type AgentsRequest = z.input<typeof agentsSchema>;
export type ImageParameter = z.input<typeof imageParameterSchema>;
export type SeedRequest = z.input<typeof seedSchema>;

export interface SeedResult {
  launches: { reservationId: string; instanceIds: string[] }[];
}

export type { CallCounts, CallRecord };
