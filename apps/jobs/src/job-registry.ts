import type { JobName } from '@aegis/queues';
import { relayBootWatch } from './boot-watch/relay-boot-watch.js';
import { relayExpiry } from './expiry/relay-expiry.js';
import { historyPrune } from './history/history-prune.js';
import type { Job } from './job-context.js';
import { relayLaunch } from './launch/relay-launch.js';
import { orphanSweep } from './sweep/orphan-sweep.js';
import { relayTerminate } from './terminate/relay-terminate.js';
import { warmPool } from './warm-pool/warm-pool.js';

/** Every job of the catalogue and what it does. */
export const JOBS: Record<JobName, Job> = {
  relay_launch: relayLaunch,
  relay_boot_watch: relayBootWatch,
  relay_terminate: relayTerminate,
  relay_expiry: relayExpiry,
  orphan_sweep: orphanSweep,
  warm_pool: warmPool,
  history_prune: historyPrune,
};
