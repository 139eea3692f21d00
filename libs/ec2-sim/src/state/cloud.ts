import { readAgentConfig } from '../agent/agent-config.js';
import { CallLog } from './call-log.js';
import { Capacity, type Offering } from './capacity.js';
import type { CatalogueOptions } from './catalogue.js';
import type { Clock } from './clock.js';
import { Faults } from './faults.js';
import { Ledger, type LedgerEvent, type LedgerRecord } from './ledger.js';
import type { Cause, Instance, InstanceState, Launch, LaunchSpec, StateReason, Tags } from './model.js';
import { randomId } from './random-id.js';
import { Region } from './region.js';
import { Scheduler } from './scheduler.js';
import type { Settings } from './settings.js';
import { Throttle } from './throttle.js';

/** EC2 promises "at least 24 hours" after the instance's end. */
const TOKEN_RETENTION_MS = 24 * 3_600_000;
/** AWS keeps the first addresses of every subnet to itself. */
const FIRST_HOST = 10;

export const USER_INITIATED: StateReason = {
  code: 'Client.UserInitiatedShutdown',
  message: 'Client.UserInitiatedShutdown: User initiated shutdown',
};

/** Told of every change, after it happened. */
export interface CloudObserver {
  launched(launch: Launch): void;
  changed(instance: Instance): void;
  recorded(record: LedgerRecord): void;
  forgotten(instance: Instance): void;
}

export interface CloudOptions {
  clock: Clock;
  random: () => number;
  settings: Settings;
  regions: readonly string[];
  catalogue: CatalogueOptions;
}

export interface NewLaunch {
  region: Region;
  spec: LaunchSpec;
  count: number;
  clientToken: string | null;
  fingerprint: string | null;
  cause: Cause;
  /** Whether the instances are up at once, without an agent: stand-ins for tests of scale. */
  seeded?: boolean;
}

/** The simulated cloud: its regions and everything that can happen to an instance in them. */
export class Cloud {
  readonly settings: Settings;
  readonly scheduler: Scheduler;
  readonly regions: ReadonlyMap<string, Region>;
  readonly throttle = new Throttle();
  readonly capacity = new Capacity();
  readonly faults: Faults;
  readonly calls = new CallLog();
  readonly ledger: Ledger;
  readonly #observers: CloudObserver[] = [];
  #hosts = FIRST_HOST;

  constructor(options: CloudOptions) {
    this.settings = { ...options.settings };
    this.scheduler = new Scheduler(options.clock);
    this.faults = new Faults(options.random);
    this.regions = new Map(options.regions.map((name) => [name, new Region(name, options.catalogue)]));
    this.ledger = new Ledger((record) => this.#tell((observer) => observer.recorded(record)));
  }

  observe(observer: CloudObserver): void {
    this.#observers.push(observer);
  }

  now(): number {
    return this.scheduler.now();
  }

  instance(id: string): Instance | undefined {
    for (const region of this.regions.values()) {
      const found = region.instances.get(id);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  launch(request: NewLaunch): Launch {
    const { region, spec } = request;
    const launch: Launch = {
      reservationId: randomId('r'),
      region: region.name,
      spec,
      clientToken: request.clientToken,
      fingerprint: request.fingerprint,
      launchedAt: this.now(),
      cause: request.cause,
      agentConfig: request.seeded === true ? null : readAgentConfig(spec.userData),
      instances: [],
    };
    for (let index = 0; index < request.count; index += 1) {
      launch.instances.push(this.#newInstance(region, launch, index, request.seeded === true));
    }
    this.#enrol(launch);
    this.#tell((observer) => observer.launched(launch));
    for (const instance of launch.instances) {
      this.ledger.append(instance, 'launched', launch.launchedAt, launch.cause);
      if (request.seeded === true) this.ledger.append(instance, 'running', launch.launchedAt, launch.cause);
    }
    return launch;
  }

  /** Puts back a launch as it was when the simulator last ran; what was due meanwhile happens at once. */
  restore(launch: Launch): void {
    this.#enrol(launch);
    for (const instance of launch.instances) {
      this.region(launch.region)?.seenSeq(instance.seq);
      this.#hosts = Math.max(this.#hosts, instance.host + 1);
    }
  }

  region(name: string): Region | undefined {
    return this.regions.get(name);
  }

  /** The way a user or an agent ends an instance: `shutting-down`, then `terminated`. */
  shutDown(instance: Instance, cause: Cause, reason: StateReason): void {
    if (instance.state === 'shutting-down' || instance.state === 'terminated') return;
    instance.stateReason = reason;
    instance.endCause = cause;
    this.#enter(instance, 'shutting-down', cause, this.now() + this.settings.shutdownMs);
  }

  stop(instance: Instance, cause: Cause, reason: StateReason): void {
    if (instance.state !== 'running') return;
    instance.stateReason = reason;
    instance.endCause = cause;
    this.#enter(instance, 'stopping', cause, this.now() + this.settings.shutdownMs);
  }

  /** Gone at once, as when the host fails or the launch cannot be completed. */
  kill(instance: Instance, cause: Cause, reason: StateReason): void {
    if (instance.state === 'terminated') return;
    instance.stateReason = reason;
    instance.endCause = cause;
    this.#enter(instance, 'terminated', cause, null);
  }

  retag(instance: Instance, tags: Tags): void {
    this.region(instance.launch.region)?.instances.retag(instance, tags);
    this.#tell((observer) => observer.changed(instance));
  }

  protect(instance: Instance, on: boolean): void {
    instance.protected = on;
    this.#tell((observer) => observer.changed(instance));
  }

  /** Makes terminated instances disappear now rather than after their hour. */
  purgeTerminated(): number {
    const ended = [...this.regions.values()].flatMap((region) =>
      [...region.instances.values()].filter((instance) => instance.state === 'terminated'),
    );
    for (const instance of ended) this.#forget(instance);
    return ended.length;
  }

  /** An empty cloud with the same settings; timers of what was there are dropped. */
  clear(): void {
    this.scheduler.clear();
    this.throttle.reset();
    this.capacity.clear();
    this.faults.clear();
    this.calls.clear();
    this.ledger.clear();
    for (const region of this.regions.values()) region.clear();
  }

  /** Every launch that still answers for something, in listing order. */
  launches(): Launch[] {
    const launches = new Set<Launch>();
    for (const region of this.regions.values()) {
      for (const launch of region.launchesByToken.values()) launches.add(launch);
      for (const instance of region.instances.values()) launches.add(instance.launch);
    }
    return [...launches].sort((a, b) => (a.instances[0]?.seq ?? 0) - (b.instances[0]?.seq ?? 0));
  }

  #newInstance(region: Region, launch: Launch, launchIndex: number, seeded: boolean): Instance {
    return {
      id: randomId('i'),
      seq: region.nextSeq(),
      launch,
      launchIndex,
      host: this.#hosts++,
      visibleAt: seeded ? launch.launchedAt : launch.launchedAt + this.settings.visibilityMs,
      state: seeded ? 'running' : 'pending',
      tags: launch.spec.tags,
      protected: launch.spec.terminationProtection,
      runningAt: seeded ? launch.launchedAt : null,
      endedAt: null,
      nextChangeAt: seeded ? null : launch.launchedAt + this.settings.bootMs,
      stateReason: null,
      endCause: null,
      agentSession: null,
      forgotten: false,
    };
  }

  #enrol(launch: Launch): void {
    const region = this.region(launch.region);
    if (region === undefined) return;
    if (launch.clientToken !== null) {
      region.launchesByToken.set(launch.clientToken, launch);
      this.#forgetTokenLater(region, launch);
    }
    for (const instance of launch.instances) {
      if (!instance.forgotten) region.instances.add(instance);
      if (instance.state !== 'terminated') this.capacity.change(offeringOf(launch), 1);
      this.#scheduleNext(instance);
    }
  }

  #enter(
    instance: Instance,
    state: Exclude<InstanceState, 'pending'>,
    cause: Cause,
    nextChangeAt: number | null,
  ): void {
    const now = this.now();
    instance.state = state;
    instance.nextChangeAt = nextChangeAt;
    if (state === 'running') instance.runningAt = now;
    if (state === 'terminated') this.#ended(instance, now);
    this.#scheduleNext(instance);
    const event: LedgerEvent = state;
    this.ledger.append(instance, event, now, cause);
    this.#tell((observer) => observer.changed(instance));
  }

  #ended(instance: Instance, now: number): void {
    const { launch } = instance;
    instance.endedAt = now;
    this.capacity.change(offeringOf(launch), -1);
    const region = this.region(launch.region);
    if (region !== undefined && launch.clientToken !== null) this.#forgetTokenLater(region, launch);
  }

  #scheduleNext(instance: Instance): void {
    if (instance.state === 'terminated') {
      const gone = (instance.endedAt ?? this.now()) + this.settings.terminatedRetentionMs;
      this.scheduler.schedule(gone, () => this.#forget(instance));
      return;
    }
    const due = instance.nextChangeAt;
    if (due === null) return;
    const { state } = instance;
    this.scheduler.schedule(due, () => {
      if (instance.state === state && instance.nextChangeAt === due) this.#advance(instance);
    });
  }

  #advance(instance: Instance): void {
    const cause = instance.endCause ?? instance.launch.cause;
    if (instance.state === 'pending') this.#enter(instance, 'running', cause, null);
    else if (instance.state === 'shutting-down') this.#enter(instance, 'terminated', cause, null);
    else if (instance.state === 'stopping') this.#enter(instance, 'stopped', cause, null);
  }

  #forget(instance: Instance): void {
    if (instance.forgotten) return;
    this.region(instance.launch.region)?.instances.forget(instance);
    instance.forgotten = true;
    this.#tell((observer) => observer.forgotten(instance));
  }

  #forgetTokenLater(region: Region, launch: Launch): void {
    const token = launch.clientToken;
    if (token === null || !launch.instances.every((instance) => instance.endedAt !== null)) return;
    const lastEnd = Math.max(...launch.instances.map((instance) => instance.endedAt ?? 0));
    this.scheduler.schedule(lastEnd + TOKEN_RETENTION_MS, () => {
      if (region.launchesByToken.get(token) === launch) region.launchesByToken.delete(token);
    });
  }

  #tell(what: (observer: CloudObserver) => void): void {
    for (const observer of this.#observers) what(observer);
  }
}

export function offeringOf(launch: Launch): Offering {
  const { instanceType, subnet, market } = launch.spec;
  return { region: launch.region, instanceType, subnetId: subnet.id, market };
}
