import type { Cloud, CloudObserver } from '../state/cloud.js';
import type { Instance, Launch } from '../state/model.js';
import { HttpClient } from './http-client.js';
import { type AgentMode, RelayAgent } from './relay-agent.js';

export interface AgentSelection {
  /** Absent: all regions. */
  region?: string | undefined;
  /** Absent: all instances, also ones launched later. */
  instanceIds?: readonly string[] | undefined;
}

/** Runs an agent on each running instance whose user data asks for one. */
export class AgentFleet implements CloudObserver {
  readonly #cloud: Cloud;
  readonly #random: () => number;
  readonly #remember: (instance: Instance) => void;
  readonly #http = new HttpClient();
  readonly #agents = new Map<string, RelayAgent>();
  readonly #regionModes = new Map<string, AgentMode>();
  readonly #instanceModes = new Map<string, AgentMode>();
  #mode: AgentMode = 'normal';
  #stopped = false;

  constructor(cloud: Cloud, options: { random: () => number; remember: (instance: Instance) => void }) {
    this.#cloud = cloud;
    this.#random = options.random;
    this.#remember = options.remember;
  }

  get size(): number {
    return this.#agents.size;
  }

  launched(_launch: Launch): void {}

  recorded(): void {}

  changed(instance: Instance): void {
    if (instance.state === 'running') this.boot(instance, this.#cloud.settings.checkInDelayMs);
    else this.#remove(instance);
  }

  forgotten(instance: Instance): void {
    this.#remove(instance);
    this.#instanceModes.delete(instance.id);
  }

  /** Starts the instance's agent unless it has one; the first word is due after the delay. */
  boot(instance: Instance, delayMs: number): void {
    const config = instance.launch.agentConfig;
    if (config === null || this.#agents.has(instance.id) || !this.#cloud.settings.agents || this.#stopped) return;
    const agent = new RelayAgent({
      instance,
      config,
      scheduler: this.#cloud.scheduler,
      http: this.#http,
      random: this.#random,
      mode: this.#modeOf(instance),
      startAt: this.#cloud.now() + delayMs,
      shutDown: (why) => this.#shutDown(instance, why),
      remember: this.#remember,
    });
    this.#agents.set(instance.id, agent);
  }

  setMode(mode: AgentMode, selection: AgentSelection): void {
    if (selection.instanceIds !== undefined) {
      for (const id of selection.instanceIds) this.#instanceModes.set(id, mode);
    } else if (selection.region !== undefined) {
      this.#regionModes.set(selection.region, mode);
    } else {
      this.#mode = mode;
      this.#regionModes.clear();
      this.#instanceModes.clear();
    }
    for (const [id, agent] of this.#agents) {
      const instance = this.#cloud.instance(id);
      if (instance !== undefined) agent.setMode(this.#modeOf(instance));
    }
  }

  /** Ends all agents without a word, as for a reset; the fleet can go on. */
  clear(): void {
    for (const agent of this.#agents.values()) agent.stop();
    this.#agents.clear();
    this.#instanceModes.clear();
    this.#regionModes.clear();
    this.#mode = 'normal';
  }

  stop(): void {
    this.#stopped = true;
    this.clear();
    this.#http.close();
  }

  #modeOf(instance: Instance): AgentMode {
    return this.#instanceModes.get(instance.id) ?? this.#regionModes.get(instance.launch.region) ?? this.#mode;
  }

  #remove(instance: Instance): void {
    this.#agents.get(instance.id)?.stop();
    this.#agents.delete(instance.id);
  }

  #shutDown(instance: Instance, why: string): void {
    const reason = {
      code: 'Client.InstanceInitiatedShutdown',
      message: `Client.InstanceInitiatedShutdown: Instance initiated shutdown (${why})`,
    };
    if (instance.launch.spec.shutdownBehavior === 'terminate') this.#cloud.shutDown(instance, 'agent', reason);
    else this.#cloud.stop(instance, 'agent', reason);
  }
}
