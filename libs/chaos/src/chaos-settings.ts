/** What the stack under test is configured with. Short times, so that what they govern happens within a round. */

export const REGIONS = ['us-east-1', 'eu-west-1', 'ap-southeast-2'] as const;
/** More offerings than one shortage can exhaust: an offering without capacity is passed over for minutes. */
export const INSTANCE_TYPES = ['t3.micro', 't3.small', 't3a.micro', 't3a.small'] as const;

/** Spares that one region keeps; creates there are handed one, or launch while there is none. */
export const WARM_POOL = { region: 'ap-southeast-2', size: 3, maxAgeSeconds: 120 } as const;

/** `deploymentId` of the local environment. */
export const DEPLOYMENT = 'local';
export const HEARTBEAT_SECONDS = 1;

export const DEFAULT_LEASE_SECONDS = 600;
export const SHORTEST_LEASE_SECONDS = 4;

export interface Tenant {
  name: string;
  key: string;
}

/** The first one and its key are the local environment's own. */
export const TENANTS: readonly Tenant[] = [
  { name: 'local', key: 'aegis-local-dev-key' },
  { name: 'acme', key: 'aegis-chaos-acme-key' },
];
