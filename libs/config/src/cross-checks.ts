import { regionCode } from '@aegis/relays';
import { type AegisConfig, type ApiKeyConfig, configSchema, sectionSchemas } from './config-schema.js';
import { LOCAL_API_KEY_ENTRY, LOCAL_ENVIRONMENT, LOCAL_SECRET } from './local-environment.js';
import { isRecord, type Path, type RawConfig } from './raw-config.js';

export interface CrossFault {
  path: Path;
  problem: string;
}

/**
 * Rules between fields. Each section is judged by itself once its own fields are right, so that a fault elsewhere hides
 * none of these.
 */
export function crossChecks(raw: RawConfig): CrossFault[] {
  const local = raw.environment === LOCAL_ENVIRONMENT;
  const relays = sectionSchemas.relays.safeParse(raw.relays ?? {});
  const api = sectionSchemas.api.safeParse(raw.api);
  const jobs = sectionSchemas.jobs.safeParse(raw.jobs ?? {});
  return [
    ...(local ? [] : secretFaults(raw.secret)),
    ...shutdownFaults(raw),
    ...(relays.success ? relayFaults(relays.data) : []),
    ...(api.success ? [...apiFaults(api.data, local), ...metricsFaults('api', api.data)] : []),
    ...(jobs.success ? metricsFaults('jobs', jobs.data) : []),
    ...redisFaults(raw),
    ...regionFaults(raw.regions),
    ...containerFaults(raw),
  ];
}

function secretFaults(secret: unknown): CrossFault[] {
  if (typeof secret !== 'string' || secret.length < 32) return [];
  const generate = 'generate one: openssl rand -hex 32';
  const fault = (problem: string): CrossFault[] => [{ path: ['secret'], problem: `${problem}; ${generate}` }];
  if (secret === LOCAL_SECRET) return fault('is the published secret of the local stack');
  if (/change.?me|example|placeholder/i.test(secret)) return fault('is a placeholder');
  if (new Set(secret).size < 8) return fault('repeats too few characters to be secret');
  return [];
}

/** Waiting for load balancers is part of the shutdown: it must leave time to finish what is under way. */
function shutdownFaults(raw: RawConfig): CrossFault[] {
  const { shutdownTimeoutSeconds, drainDelaySeconds } = configSchema.shape;
  const whole = shutdownTimeoutSeconds.safeParse(raw.shutdownTimeoutSeconds);
  const delay = drainDelaySeconds.safeParse(raw.drainDelaySeconds);
  if (!whole.success || !delay.success || delay.data < whole.data) return [];
  const problem = `must be less than shutdownTimeoutSeconds, of which it is a part: ${delay.data} is not less than ${whole.data}`;
  return [{ path: ['drainDelaySeconds'], problem }];
}

function relayFaults(relays: AegisConfig['relays']): CrossFault[] {
  const faults: CrossFault[] = [];
  type Key = Extract<keyof typeof relays, `${string}Seconds`>;
  const atMost = (low: Key, high: Key): void => {
    if (relays[low] > relays[high]) {
      faults.push({
        path: ['relays', low],
        problem: `must be at most ${high}: ${relays[low]} is more than ${relays[high]}`,
      });
    }
  };
  const below = (low: Key, high: Key): void => {
    if (relays[low] >= relays[high]) {
      faults.push({
        path: ['relays', high],
        problem: `must be more than ${low}: ${relays[high]} is not more than ${relays[low]}`,
      });
    }
  };
  atMost('minLeaseSeconds', 'defaultLeaseSeconds');
  atMost('defaultLeaseSeconds', 'maxLeaseSeconds');
  atMost('maxLeaseSeconds', 'maxLifetimeSeconds');
  below('heartbeatIntervalSeconds', 'heartbeatTimeoutSeconds');
  below('heartbeatIntervalSeconds', 'silenceLimitSeconds');
  return faults;
}

/** The agent that user data brings is what starts the container. */
function containerFaults({ relays, regions }: RawConfig): CrossFault[] {
  if (!isRecord(relays) || relays.agent !== 'image') return [];
  const problem = 'has no effect: relays.agent is image';
  const list: unknown[] = Array.isArray(regions) ? regions : [];
  return [
    ...(relays.container === undefined ? [] : [{ path: ['relays', 'container'], problem }]),
    ...list.flatMap((region, index) =>
      isRecord(region) && region.container !== undefined ? [{ path: ['regions', index, 'container'], problem }] : [],
    ),
  ];
}

function apiFaults(api: AegisConfig['api'], local: boolean): CrossFault[] {
  const faults = [
    ...duplicates(api.keys.map((key) => key.name)).map((index) => keyFault(index, 'name', 'another key has this name')),
    ...duplicates(api.keys.map((key) => key.sha256)).map((index) =>
      keyFault(index, 'sha256', 'another key has this hash'),
    ),
  ];
  if (local) return faults;
  const localKey = api.keys.findIndex((key) => key.sha256 === LOCAL_API_KEY_ENTRY.sha256);
  if (localKey >= 0) {
    faults.push(keyFault(localKey, 'sha256', 'is the published key of the local stack: make a key of your own'));
  }
  if (api.keys.length === 0) {
    faults.push({ path: ['api', 'keys'], problem: 'is empty, so nobody could use the API: add a key' });
  }
  const url = new URL(api.publicUrl);
  const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  if (url.protocol === 'http:' && !loopback && !api.allowPlainHttp) {
    const problem = 'relays would send their secrets over plain http: use https, or set api.allowPlainHttp to true';
    faults.push({ path: ['api', 'publicUrl'], problem });
  }
  return faults;
}

function keyFault(index: number, field: keyof ApiKeyConfig, problem: string): CrossFault {
  return { path: ['api', 'keys', index, field], problem };
}

/** A setting without effect would be believed to protect something. */
function redisFaults({ redisUrl, redis }: RawConfig): CrossFault[] {
  const parsed = sectionSchemas.redis.safeParse(redis ?? {});
  if (!parsed.success || typeof redisUrl !== 'string') return [];
  const faults: CrossFault[] = [];
  const needs = (fits: boolean, keys: readonly (keyof AegisConfig['redis'])[], problem: string): void => {
    for (const key of keys) {
      if (!fits && parsed.data[key] !== undefined) faults.push({ path: ['redis', key], problem });
    }
  };
  const tls = /^rediss/.test(redisUrl);
  needs(tls, ['tlsCaPath', 'tlsCertPath', 'tlsKeyPath', 'tlsServerName'], 'has no effect: redisUrl is not rediss');
  const sentinel = /^rediss?\+sentinel:/.test(redisUrl);
  needs(sentinel, ['sentinelUsername', 'sentinelPassword'], 'has no effect: redisUrl names no sentinels');
  needs(parsed.data.tlsKeyPath !== undefined, ['tlsCertPath'], 'needs its key: set redis.tlsKeyPath too');
  needs(parsed.data.tlsCertPath !== undefined, ['tlsKeyPath'], 'needs its certificate: set redis.tlsCertPath too');
  return faults;
}

function metricsFaults(app: 'api' | 'jobs', section: AegisConfig['api' | 'jobs']): CrossFault[] {
  const { host, port } = section.metrics;
  if (port === undefined) {
    if (host === undefined) return [];
    return [{ path: [app, 'metrics', 'host'], problem: `has no effect without ${app}.metrics.port: set that too` }];
  }
  if (port !== section.port) return [];
  return [{ path: [app, 'metrics', 'port'], problem: `is ${app}.port too: choose another port, or leave it out` }];
}

function regionFaults(regions: unknown): CrossFault[] {
  if (!Array.isArray(regions)) return [];
  const names = regions.map((region: unknown) =>
    isRecord(region) && typeof region.name === 'string' ? region.name : '',
  );
  const repeated = duplicates(names);
  const clashing = duplicates(names.map(regionCode)).filter((index) => !repeated.includes(index));
  return [
    ...repeated.map((index) => ({ path: ['regions', index, 'name'], problem: 'another entry has this region' })),
    ...clashing.map((index) => ({
      path: ['regions', index, 'name'],
      problem: `has the same short code (${regionCode(names[index] ?? '')}) in relay ids as another region`,
    })),
  ];
}

/** Indexes of the entries that repeat an earlier one; empty entries never do. */
function duplicates(list: readonly string[]): number[] {
  return list.flatMap((entry, index) => (entry !== '' && list.indexOf(entry) < index ? [index] : []));
}
