import { createHash } from 'node:crypto';
import { createReplicatedWrites, type RedisClient, type ReplicaWait, tenantPrefix } from '@aegis/relays';

export interface Claim {
  /** The id the relay has or will have. */
  relayId: string;
  /** Of the request that came first. */
  fingerprint: string;
}

export interface ClaimRequest {
  tenant: string;
  /** The client's Idempotency-Key, a character for each of its bytes. */
  key: string;
  proposedId: string;
  fingerprint: string;
}

/**
 * Which relay an Idempotency-Key stands for. The claim comes before the relay: whoever crashes in between leaves a
 * claim, and the retry creates the relay under the claimed id.
 */
export interface IdempotencyClaims {
  /** The claim that holds now: this request's own, or that of the first request with this key. */
  claim(request: ClaimRequest): Promise<Claim>;
}

export interface IdempotencyClaimsOptions {
  redis: RedisClient;
  retentionSeconds: number;
  replicaWait?: ReplicaWait;
}

export function createIdempotencyClaims(options: IdempotencyClaimsOptions): IdempotencyClaims {
  const { redis, retentionSeconds, replicaWait } = options;
  // A claim that a failover forgets would let a retry create a second relay.
  const writes = createReplicatedWrites(redis, replicaWait);
  return {
    async claim(request) {
      const key = claimKey(request.tenant, request.key);
      const mine: Claim = { relayId: request.proposedId, fingerprint: request.fingerprint };
      // One atomic command decides; a claim never changes, so reading it afterwards is no race. Only its expiry
      // between the two commands makes another round.
      return writes.run(key, async (server) => {
        for (;;) {
          const won = await server.set(key, JSON.stringify(mine), 'EX', retentionSeconds, 'NX');
          if (won === 'OK') return mine;
          const held = await server.get(key);
          if (held !== null) return JSON.parse(held) as Claim;
        }
      });
    },
  };
}

/** In the tenant's own slot, and hashed: a client's key may hold anything, even what it should not. */
function claimKey(tenant: string, key: string): string {
  return `${tenantPrefix(tenant)}:idempotency:${createHash('sha256').update(key, 'latin1').digest('base64url')}`;
}
