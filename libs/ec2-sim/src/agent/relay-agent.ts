import * as z from 'zod';
import type { AgentSession, Instance } from '../state/model.js';
import type { Scheduler } from '../state/scheduler.js';
import type { AgentConfig } from './agent-config.js';
import type { HttpAnswer, HttpClient } from './http-client.js';

const FIRST_RETRY_MS = 200;
const LONGEST_RETRY_MS = 5000;
const LEASE_GRACE_MS = 60_000;
/** Of the interval: a little irregular, so that relays do not come to speak together. */
const LEAST_PAUSE = 0.9;

const checkInAnswer = z.object({
  relayId: z.string(),
  sessionSecret: z.string(),
  heartbeatSeconds: z.number().positive(),
  leaseExpiresAt: z.iso.datetime({ offset: true }),
  leaseToken: z.string().nullish(),
});
const heartbeatAnswer = z.object({
  leaseExpiresAt: z.iso.datetime({ offset: true }),
  leaseToken: z.string().nullish(),
  heartbeatSeconds: z.number().positive().nullish(),
});

/**
 * `normal`: as designed. `silent`: cut off from the control plane, so its dead-man switch will end the machine.
 * `crashed`: the agent's process is gone, and its dead-man switch with it.
 */
export type AgentMode = 'normal' | 'silent' | 'crashed';

export interface RelayAgentOptions {
  instance: Instance;
  config: AgentConfig;
  scheduler: Scheduler;
  http: HttpClient;
  random: () => number;
  mode: AgentMode;
  /** Unix ms of the first check-in. */
  startAt: number;
  /** Ends the machine from within. */
  shutDown(why: string): void;
  /** The session changed and should be remembered. */
  remember(instance: Instance): void;
}

/**
 * The relay agent of one instance: checks in with the launch token, then keeps its lease alive by heartbeats. It ends
 * its own machine when told to, when its lease has run out, or when the control plane was silent for too long.
 */
export class RelayAgent {
  readonly #options: RelayAgentOptions;
  #mode: AgentMode;
  #session: AgentSession | null;
  #lastHeardAt: number;
  #leaseEndsAt = Number.POSITIVE_INFINITY;
  #retryMs = FIRST_RETRY_MS;
  #nextTalkAt: number;
  #talking = false;
  #stopped = false;
  #cancel: () => void = () => undefined;

  constructor(options: RelayAgentOptions) {
    this.#options = options;
    this.#mode = options.mode;
    this.#session = options.instance.agentSession;
    this.#lastHeardAt = options.scheduler.now();
    this.#nextTalkAt = options.startAt;
    // A machine that has already been told of a lease gets one try to hear of its present end.
    if (this.#session !== null)
      this.#leaseEndsAt = Math.max(Date.parse(this.#session.leaseExpiresAt), this.#lastHeardAt);
    this.#sleep();
  }

  setMode(mode: AgentMode): void {
    this.#mode = mode;
    this.#sleep();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #silenceLimitMs(): number {
    return this.#options.config.silenceLimitSeconds * 1000;
  }

  #deadline(): number {
    return Math.min(this.#lastHeardAt + this.#silenceLimitMs(), this.#leaseEndsAt + LEASE_GRACE_MS);
  }

  /** Until it may talk again or must end, whichever comes first. */
  #sleep(): void {
    this.#cancel();
    if (this.#stopped || this.#mode === 'crashed') return;
    const talks = this.#mode === 'normal' && !this.#talking;
    const at = talks ? Math.min(this.#nextTalkAt, this.#deadline()) : this.#deadline();
    this.#cancel = this.#options.scheduler.schedule(at, () => this.#wake());
  }

  #wake(): void {
    if (this.#stopped || this.#mode === 'crashed') return;
    const now = this.#options.scheduler.now();
    if (now >= this.#deadline()) {
      this.#end(now >= this.#leaseEndsAt + LEASE_GRACE_MS ? 'lease ended' : 'control plane silent');
      return;
    }
    if (this.#mode === 'normal' && !this.#talking && now >= this.#nextTalkAt) void this.#talk();
    this.#sleep();
  }

  async #talk(): Promise<void> {
    this.#talking = true;
    const session = this.#session;
    const answer = session === null ? await this.#checkIn() : await this.#heartbeat(session);
    this.#talking = false;
    if (this.#stopped) return;
    // An agent cut off while it waited hears nothing.
    const heard = this.#mode === 'normal' ? answer : null;
    if (heard?.status === 401 || heard?.status === 410) this.#end(`told to end (${heard.status})`);
    else if (session === null) this.#afterCheckIn(heard);
    else this.#afterHeartbeat(session, heard);
    this.#sleep();
  }

  #checkIn(): Promise<HttpAnswer | null> {
    const { instance, config, http } = this.#options;
    return http.post(this.#url('checkins'), {}, { instanceId: instance.id, launchToken: config.launchToken });
  }

  #heartbeat(session: AgentSession): Promise<HttpAnswer | null> {
    const { instance, http } = this.#options;
    const { relayId, sessionSecret, leaseExpiresAt, leaseToken } = session;
    return http.post(
      this.#url(`relays/${encodeURIComponent(relayId)}/heartbeat`),
      { authorization: `Bearer ${sessionSecret}` },
      { instanceId: instance.id, leaseExpiresAt, ...(leaseToken === null ? {} : { leaseToken }) },
    );
  }

  #url(path: string): string {
    return `${this.#options.config.controlPlaneUrl.replace(/\/+$/, '')}/api/v1/${path}`;
  }

  #afterCheckIn(answer: HttpAnswer | null): void {
    const told = answer?.status === 200 ? checkInAnswer.safeParse(answer.body) : undefined;
    if (told?.success !== true) {
      this.#nextTalkAt = this.#options.scheduler.now() + this.#retryMs;
      this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
      return;
    }
    // At any moment of the interval: relays launched together are apart from their first heartbeat on.
    this.#heard({ ...told.data, leaseToken: told.data.leaseToken ?? null }, 0);
    this.#options.remember(this.#options.instance);
  }

  #afterHeartbeat(session: AgentSession, answer: HttpAnswer | null): void {
    const told = answer?.status === 200 ? heartbeatAnswer.safeParse(answer.body) : undefined;
    if (told?.success !== true) {
      this.#nextTalkAt = this.#options.scheduler.now() + this.#pauseMs(session);
      return;
    }
    const { leaseExpiresAt, leaseToken, heartbeatSeconds } = told.data;
    this.#heard({
      ...session,
      leaseExpiresAt,
      leaseToken: leaseToken ?? session.leaseToken,
      heartbeatSeconds: heartbeatSeconds ?? session.heartbeatSeconds,
    });
  }

  #heard(session: AgentSession, leastPause = LEAST_PAUSE): void {
    const { instance, scheduler } = this.#options;
    this.#session = session;
    instance.agentSession = session;
    this.#lastHeardAt = scheduler.now();
    this.#leaseEndsAt = Date.parse(session.leaseExpiresAt);
    this.#nextTalkAt = scheduler.now() + this.#pauseMs(session, leastPause);
  }

  #pauseMs(session: AgentSession, least = LEAST_PAUSE): number {
    return session.heartbeatSeconds * 1000 * (least + (1 - least) * this.#options.random());
  }

  #end(why: string): void {
    if (this.#stopped) return;
    this.stop();
    this.#options.shutDown(why);
  }
}
