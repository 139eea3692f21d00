import { setTimeout as delay } from 'node:timers/promises';
import type { SimControl } from '@aegis/ec2-sim';
import { waitFor } from '../src/wait-for.js';
import { readPage, type Samples, sumPages } from './exposition.js';

export interface Scrape {
  status: number;
  text: string;
  tookMs: number;
}

/** The two metrics pages of a stack, wherever they are. */
export interface MetricsPages {
  scrape(app: App): Promise<Scrape>;
  /** Resolves once no relay is under way and as many are active as EC2 has machines. */
  atRest(sim: SimControl): Promise<void>;
  /** Both pages added up at a moment without calls to EC2, and the number of the last call before it. */
  whileQuiet(sim: SimControl): Promise<{ counted: Samples; lastSeq: number }>;
}

export type App = 'api' | 'jobs';
export const APPS = ['api', 'jobs'] as const;

const REST_WITHIN_MS = 45_000;
const QUIET_WITHIN_MS = 20_000;
/** Longer than a process takes to count a call that EC2 has answered. */
const QUIET_MS = 200;
const UNDER_WAY = ['pending', 'launching', 'booting', 'terminating'];

export function metricsPages(urls: Record<App, string>, token: string): MetricsPages {
  async function scrape(app: App): Promise<Scrape> {
    const startedAt = performance.now();
    const answer = await fetch(urls[app], { headers: { authorization: `Bearer ${token}` } });
    return { status: answer.status, text: await answer.text(), tookMs: performance.now() - startedAt };
  }

  async function relaysIn(states: readonly string[]): Promise<number> {
    const page = readPage((await scrape('jobs')).text);
    const isWanted = (key: string) =>
      states.some((state) => key.startsWith('aegis_relays{') && key.includes(`"${state}"`));
    return [...page].reduce((sum, [key, value]) => (isWanted(key) ? sum + value : sum), 0);
  }

  const lastSeq = async (sim: SimControl): Promise<number> => (await sim.calls({ limit: 0 })).lastSeq;

  return {
    scrape,
    async atRest(sim) {
      await waitFor('the fleet to come to rest', REST_WITHIN_MS, async () => {
        if ((await relaysIn(UNDER_WAY)) > 0) return false;
        const machines = (await sim.instances()).filter(({ state }) => state !== 'terminated');
        return (await relaysIn(['active'])) === machines.length;
      });
    },
    whileQuiet: (sim) =>
      waitFor('a moment without calls to EC2', QUIET_WITHIN_MS, async () => {
        const before = await lastSeq(sim);
        await delay(QUIET_MS);
        if ((await lastSeq(sim)) !== before) return false;
        const scrapes = await Promise.all(APPS.map(scrape));
        if ((await lastSeq(sim)) !== before) return false;
        return { counted: sumPages(scrapes.map(({ text }) => readPage(text))), lastSeq: before };
      }),
  };
}
