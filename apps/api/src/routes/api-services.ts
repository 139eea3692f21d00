import type { JobName } from '@aegis/queues';
import type {
  RandomInt,
  RegionDirectory,
  RelayFeed,
  RelayFrontStore,
  RelayTransition,
  TenantSlots,
} from '@aegis/relays';
import type { AuditLog } from '../audit/audit-log.js';
import type { IdempotencyClaims } from '../idempotency/idempotency-claims.js';
import type { KeyStore } from '../keys/key-store.js';
import type { SecretHash } from '../keys/key-token.js';
import type { TenantQuotas } from '../limits/tenant-quotas.js';
import type { AgentCredentials } from '../relays/agent-credentials.js';
import type { StreamRegister } from '../relays/stream-register.js';
import type { WakeJob } from '../relays/wake-jobs.js';

/** What the routes act on. */
export interface ApiServices {
  store: RelayFrontStore;
  feed: RelayFeed;
  streams: StreamRegister;
  regions: RegionDirectory;
  wake: WakeJob;
  /** As `wake`, for what is stored nowhere: resolves once the queue has it, rejects when it cannot. */
  trigger(job: JobName, region: string): Promise<void>;
  keys: { store: KeyStore; issue(id: string): { token: string; stored: SecretHash } };
  audit: Pick<AuditLog, 'read'>;
  claims: IdempotencyClaims;
  quotas: TenantQuotas;
  slots: TenantSlots;
  credentials: AgentCredentials;
  /** Counts what the store's moves mean for the metrics. */
  recordMoves(region: string, moves: readonly RelayTransition[]): void;
  /** Counts whether a create found a warm relay, where a pool is kept. */
  recordClaim(region: string, hit: boolean): void;
  /** Whether the region keeps warm relays at this time of day. */
  keepsSpares(region: string): boolean;
  /** Unix milliseconds. */
  now: () => number;
  random: RandomInt;
}
