import {
  issueLeaseToken,
  issueSessionSecret,
  verifyLaunchToken,
  verifyLeaseToken,
  verifySessionSecret,
} from '@aegis/relays';

/** Issues and checks what relay agents show. All of it derives from the deployment's secret; nothing is stored. */
export interface AgentCredentials {
  /** The intent a launch token was issued for; null for a forged one. */
  launchedBy(launchToken: string): { intentId: string; regionCode: string } | null;
  sessionSecret(relayId: string, instanceId: string): string;
  /** The instance a session secret was issued to; null for a forged one or another relay's. */
  sessionOf(relayId: string, sessionSecret: string): { instanceId: string } | null;
  leaseToken(relayId: string, leaseExpiresAt: number): string;
  /** The lease's end (Unix ms) that a token of ours states; null for a forged one or another relay's. */
  heardLease(relayId: string, leaseToken: string): number | null;
}

export function createAgentCredentials(secret: string): AgentCredentials {
  return {
    launchedBy: (token) => verifyLaunchToken(secret, token),
    sessionSecret: (relayId, instanceId) => issueSessionSecret(secret, relayId, instanceId),
    sessionOf: (relayId, presented) => verifySessionSecret(secret, relayId, presented),
    leaseToken: (relayId, leaseExpiresAt) => issueLeaseToken(secret, relayId, leaseExpiresAt),
    heardLease: (relayId, token) => verifyLeaseToken(secret, relayId, token)?.leaseExpiresAt ?? null,
  };
}
