import { hashApiKey } from '@aegis/config';
import { DEFAULT_IMAGE_IDS, DEFAULT_SECURITY_GROUP_IDS, DEFAULT_SUBNET_IDS } from '@aegis/ec2-sim';
import { type Stack, startStack } from '@aegis/local-stack';
import {
  DEFAULT_LEASE_SECONDS,
  HEARTBEAT_SECONDS,
  INSTANCE_TYPES,
  REGIONS,
  TENANTS,
  WARM_POOL,
} from './chaos-settings.js';

/** Two replicas of each app on a Redis that has on disk what it acknowledged. State and logs lie in `dir`. */
export function startChaosStack(dir: string, signal: AbortSignal): Promise<Stack> {
  return startStack({
    stateDir: dir,
    appendFsync: 'always',
    apiReplicas: 2,
    jobsReplicas: 2,
    env: {
      AEGIS_REGIONS: JSON.stringify(REGIONS.map(regionSettings)),
      AEGIS_API_KEYS: JSON.stringify(TENANTS.slice(1).map(keySettings)),
      AEGIS_SWEEP_INTERVAL_SECONDS: '2',
      AEGIS_SWEEP_GRACE_SECONDS: '5',
      AEGIS_RELAYS_DEFAULT_LEASE_SECONDS: String(DEFAULT_LEASE_SECONDS),
      AEGIS_RELAYS_HEARTBEAT_INTERVAL_SECONDS: String(HEARTBEAT_SECONDS),
      // A frozen api is silent for 9 s and its machine may be busy: nothing of that is a relay's fault.
      AEGIS_RELAYS_HEARTBEAT_TIMEOUT_SECONDS: '25',
    },
    simEnv: {
      AEGIS_SIM_BOOT_MS: '1000',
      AEGIS_SIM_VISIBILITY_MS: '300',
      AEGIS_SIM_ADDRESS_MS: '200',
      // The cloud is never restarted: nothing to keep.
      AEGIS_SIM_STATE_FILE: '',
    },
    signal,
  });
}

function regionSettings(name: string) {
  return {
    name,
    imageId: DEFAULT_IMAGE_IDS[0],
    instanceTypes: INSTANCE_TYPES,
    subnetIds: DEFAULT_SUBNET_IDS,
    securityGroupIds: DEFAULT_SECURITY_GROUP_IDS.slice(0, 1),
    ...(name === WARM_POOL.region && { warmPool: { size: WARM_POOL.size, maxAgeSeconds: WARM_POOL.maxAgeSeconds } }),
  };
}

function keySettings({ name, key }: { name: string; key: string }) {
  return { name, tenant: name, sha256: hashApiKey(key), scopes: ['relays:read', 'relays:write'] };
}
