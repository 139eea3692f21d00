import type { Spending } from './call-budget.js';
import type { CloudError } from './cloud-error.js';
import type { LaunchRequest } from './launch-request.js';

export interface CallOptions {
  /** Aborts the call; what it would have done is then unknown, as with any time-out. */
  signal?: AbortSignal;
}

export type InstanceState = 'pending' | 'running' | 'shutting-down' | 'terminated' | 'stopping' | 'stopped';

export interface InstanceView {
  instanceId: string;
  state: InstanceState;
  /** EC2's code for why it is in that state (`Server.InternalError`), when it says. */
  stateReason: string | null;
  /** Public IPv4 address; missing while `pending` and a little longer. */
  address: string | null;
  /** Its place in the batch it was launched with. */
  launchIndex: number;
  /** Unix milliseconds. */
  launchTime: number;
  lifecycle: 'on_demand' | 'spot';
  instanceType: string | null;
  intentId: string | null;
  /** The relay its launch was for, as its own tags tell; null when they don't, or have been damaged. */
  relay: { shortId: string; tenant: string } | null;
  /** Without the packed lists of relays and tenants, which `relay` was read from. */
  tags: Record<string, string>;
}

export interface LaunchResult {
  /** By launch index; at least one, at most `maxCount`. A replayed token answers with their present states. */
  instances: InstanceView[];
  requestId: string | null;
}

export interface LaunchAllowance {
  /** Instances the region's resource bucket would take now, by our own account of it. */
  instances: number;
  /** Milliseconds until a request for one instance would go out without waiting. */
  waitMs: number;
}

export interface InstanceLauncher {
  /** Same request, same instances, however often; rejects with a `CloudError`. */
  launch(region: string, request: LaunchRequest, options?: CallOptions): Promise<LaunchResult>;
  launchAllowance(region: string): LaunchAllowance;
}

export interface ListOptions extends CallOptions {
  /** All states when absent. */
  states?: readonly InstanceState[];
}

/** Every listing is complete or rejects with a `CloudError`; an instance EC2 does not know is simply not in it. */
export interface InstanceReader {
  /** Page by page, for listings too long to hold; it is complete only when the iteration ends by itself. */
  deploymentPages(region: string, deploymentId: string, options?: ListOptions): AsyncIterable<InstanceView[]>;
  listDeploymentInstances(region: string, deploymentId: string, options?: ListOptions): Promise<InstanceView[]>;
  describeByIntents(
    region: string,
    deploymentId: string,
    intentIds: readonly string[],
    options?: CallOptions,
  ): Promise<InstanceView[]>;
  describeByIds(region: string, instanceIds: readonly string[], options?: CallOptions): Promise<InstanceView[]>;
  /**
   * By ids in as few calls as their launches allow: many instances of few launches are listed by those. One whose tags no
   * longer name its launch is found by its id all the same.
   */
  describeLaunched(
    region: string,
    deploymentId: string,
    launched: readonly LaunchedInstance[],
    options?: CallOptions,
  ): Promise<InstanceView[]>;
}

export interface LaunchedInstance {
  instanceId: string;
  /** Null when it is not known. */
  intentId: string | null;
}

/** Part of a long list of instances for which AWS refused, or did not finish, the call. */
export interface BatchFailure {
  instanceIds: string[];
  error: CloudError;
}

export interface InstanceChange {
  instanceId: string;
  previousState: InstanceState;
  currentState: InstanceState;
  /** Of the call that answered it. */
  requestId: string | null;
}

export interface TerminateResult {
  changes: InstanceChange[];
  /** EC2 does not know these: gone for an hour or more, or launched a moment ago. */
  missing: string[];
  failures: BatchFailure[];
}

export interface InstanceTerminator {
  /** Never rejects for what AWS says: one refused part does not hide what became of the others. */
  terminate(region: string, instanceIds: readonly string[], options?: CallOptions): Promise<TerminateResult>;
}

export interface TagResult {
  tagged: string[];
  missing: string[];
  failures: BatchFailure[];
}

export interface InstanceTagger {
  setTags(
    region: string,
    instanceIds: readonly string[],
    tags: Readonly<Record<string, string>>,
    options?: CallOptions,
  ): Promise<TagResult>;
}

export interface CloudProvider extends InstanceLauncher, InstanceReader, InstanceTerminator, InstanceTagger {
  readonly regions: readonly string[];
  /**
   * Resolves a region's credentials and opens its connection with one small DescribeInstances, so that the first launch
   * pays for neither. Rejects with a `CloudError`; nothing depends on it having been called.
   */
  warmUp(region: string, options?: CallOptions): Promise<void>;
  /** Another program of the account took this from the region's throttle buckets. Unknown regions are ignored. */
  noteSpending(region: string, spending: Spending): void;
  /** Drops idle connections; calls under way end as they may. */
  close(): void;
}
