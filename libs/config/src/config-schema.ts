import * as z from 'zod';

export const API_KEY_SCOPES = ['relays:read', 'relays:write', 'admin'] as const;
export type ApiKeyScope = (typeof API_KEY_SCOPES)[number];

const WEEK_SECONDS = 7 * 24 * 3600;
const MONTH_SECONDS = 30 * 24 * 3600;

const port = z.int().min(1).max(65_535);
const host = z
  .string()
  .regex(/^[A-Za-z0-9.:_-]+$/, 'must be an address or host name of this machine, such as 127.0.0.1 or 0.0.0.0');
const seconds = (longest: number) => z.int().min(1).max(longest);
const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'must be 1 to 63 of a-z, 0-9, - and _, starting with a letter or digit');

const metrics = z.strictObject({
  host: host.optional().describe('Address of the own listener; the same as of the main one when absent.'),
  port: port.optional().describe('Moves `/metrics` to a listener of its own on this port.'),
  bearerToken: z
    .string()
    .min(16)
    .optional()
    .describe('When set, `/metrics` answers only requests with `Authorization: Bearer <this>`.'),
});

const apiKey = z.strictObject({
  name: name.describe('How logs call the key.'),
  tenant: name.describe('Whose relays the key sees and touches.'),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be the SHA-256 of the key, 64 lower-case hex digits: printf %s "$KEY" | sha256sum')
    .describe('SHA-256 of the key in hex; the key itself is stored nowhere.'),
  scopes: z
    .array(z.enum(API_KEY_SCOPES))
    .min(1)
    .describe('What the key may do: `relays:read`, `relays:write`, `admin`.'),
});

const requests = z.int().min(1).max(1_000_000);

const rateLimits = z.strictObject({
  windowSeconds: seconds(3600).default(10).describe('The window of the limits below.'),
  read: requests.default(5_000).describe('Reads of one key within a window, over all replicas.'),
  write: requests
    .default(2_000)
    .describe('Creates, renewals and deletes of one key within a window, over all replicas.'),
  admin: requests.default(500).describe('Calls of operators of one key within a window, over all replicas.'),
  unauthenticated: requests
    .default(200)
    .describe('Requests without a valid credential from one address within a window, for each replica.'),
});

const api = z.strictObject({
  host: host.default('127.0.0.1').describe('Address the API listens on.'),
  port: port.default(8080).describe('Port the API listens on.'),
  publicUrl: z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL, such as https://aegis.example.com' })
    .transform((url) => url.replace(/\/+$/, ''))
    .describe('Where relays reach the API; it is written into their user data.'),
  allowPlainHttp: z
    .boolean()
    .default(false)
    .describe('Allows an `http:` public URL beyond loopback, for networks that encrypt underneath.'),
  idempotencyRetentionSeconds: seconds(MONTH_SECONDS)
    .default(86_400)
    .describe('How long an Idempotency-Key is remembered, at most as long as ended relays are.'),
  trustedProxies: z
    .array(
      z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], 'must be an address or a CIDR block, such as 10.0.0.0/8'),
    )
    .max(50)
    .default([])
    .describe('Addresses and CIDR blocks of proxies whose `X-Forwarded-For` is believed.'),
  rateLimits: rateLimits.prefault({}),
  keys: z.array(apiKey).default([]).describe('API keys, hashed.'),
  metrics: metrics.prefault({}),
});

const jobs = z.strictObject({
  host: host.default('127.0.0.1').describe('Address of the listener for probes and metrics.'),
  port: port.default(8081).describe('Port of the listener for probes and metrics.'),
  metrics: metrics.prefault({}),
});

const container = z.strictObject({
  image: z
    .string()
    .regex(/^[A-Za-z0-9][\w.:/@-]{0,511}$/, 'must be an image, such as registry.example.com/relay:1.4')
    .describe(
      'Image that relays run; one in ECR is pulled with the instance profile. Absent: the AMI itself is the relay.',
    ),
  ports: z
    .array(
      z
        .string()
        .regex(
          /^(((\d{1,3}\.){3}\d{1,3}:)?\d{1,5}(-\d{1,5})?:)?\d{1,5}(-\d{1,5})?(\/(tcp|udp|sctp))?$/,
          'must be a port, such as "443", "443:8443" or "51820/udp"',
        ),
    )
    .max(100)
    .default([])
    .describe('Ports of the container that the relay offers, as Docker takes them; `443` means `443:443`.'),
  env: z
    .array(
      z
        .string()
        .max(4096)
        .regex(/^[A-Za-z_]\w*=\P{Cc}*$/u, 'must be NAME=value on one line'),
    )
    .max(200)
    .default([])
    .describe('Environment of the container, `NAME=value` each. Never a secret: user data can be read by many.'),
  options: z
    .array(
      z
        .string()
        .max(1024)
        .regex(
          /^--(?!(?:detach|env-file|name|restart|rm)(?:=|$))[a-z][a-z0-9-]*(=\P{Cc}*)?$/u,
          'must be one long option of docker run, such as --cap-add=NET_ADMIN; ' +
            '--name, --detach, --rm, --restart and --env-file are taken',
        ),
    )
    .max(100)
    .default([])
    .describe('Further options of `docker run`, one to an entry: `--cap-add=NET_ADMIN`.'),
});

const relays = z.strictObject({
  defaultLeaseSeconds: seconds(MONTH_SECONDS).default(3600).describe('Lease of a relay whose creator names none.'),
  minLeaseSeconds: seconds(MONTH_SECONDS).default(1).describe('Shortest lease a client may ask for.'),
  maxLeaseSeconds: seconds(MONTH_SECONDS).default(86_400).describe('Longest lease a client may ask for.'),
  maxLifetimeSeconds: seconds(365 * 86_400)
    .default(WEEK_SECONDS)
    .describe('A relay ends this long after it was asked for, however often it is renewed.'),
  bootTimeoutSeconds: seconds(3600).default(300).describe('From launch until the relay must be active.'),
  pendingTimeoutSeconds: seconds(86_400).default(900).describe('How long a relay may wait for an instance.'),
  heartbeatIntervalSeconds: seconds(3600).default(10).describe('How often a relay reports.'),
  heartbeatTimeoutSeconds: seconds(86_400).default(60).describe('Silence after which a relay counts as lost.'),
  silenceLimitSeconds: seconds(86_400)
    .default(600)
    .describe('A relay that has not heard from the control plane for this long shuts its machine down.'),
  readiness: z
    .enum(['checkin', 'running'])
    .default('checkin')
    .describe('`checkin`: active when its agent has reported. `running`: as soon as EC2 says running.'),
  agent: z
    .enum(['install', 'image'])
    .default('install')
    .describe('`install`: user data brings the agent. `image`: the AMI has one of its own, or none.'),
  container: container.optional(),
  retentionSeconds: seconds(MONTH_SECONDS).default(86_400).describe('How long ended relays can still be read.'),
});

const quotas = z.strictObject({
  tenantRelays: z
    .int()
    .min(0)
    .optional()
    .describe('Most live relays of a tenant over all regions; no limit when absent.'),
  tenantRelaysPerRegion: z
    .int()
    .min(0)
    .optional()
    .describe('Most live relays of a tenant in each region; no limit when absent.'),
  tenantLaunches: z
    .int()
    .min(0)
    .optional()
    .describe('Most relays a tenant may ask for within a window, over all regions; no limit when absent.'),
  launchWindowSeconds: seconds(MONTH_SECONDS).default(3600).describe('The window of `quotas.tenantLaunches`.'),
});

const sweep = z.strictObject({
  intervalSeconds: seconds(3600).default(60).describe('How often EC2 is compared with the store.'),
  graceSeconds: seconds(86_400).default(120).describe('An instance nobody owns is left alone until it is this old.'),
  mode: z
    .enum(['enforce', 'shadow'])
    .default('enforce')
    .describe('`shadow`: sweeps report what they would terminate and terminate nothing.'),
});

const distinct = (list: readonly string[]): boolean => new Set(list).size === list.length;
const idList = (form: RegExp, problem: string) =>
  z.array(z.string().regex(form, problem)).min(1).max(20).refine(distinct, 'holds an entry twice');

const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day in UTC, such as 08:30');

const warmPool = z.strictObject({
  size: z.int().min(0).max(1000).default(0),
  maxAgeSeconds: seconds(WEEK_SECONDS).default(6 * 3600),
  schedule: z
    .array(z.strictObject({ from: clockTime, to: clockTime, size: z.int().min(0).max(1000) }))
    .max(24)
    .default([]),
});

const region = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z]{2,4}(-[a-z]+)+-\d$/, 'must be an AWS region, such as us-east-1')
    .describe('AWS region.'),
  imageId: z
    .string()
    .regex(
      /^(ami-[0-9a-z-]+|resolve:ssm:\/?[\w.-]+(\/[\w.-]+)*(:[\w.-]+)?)$/,
      'must be an AMI id, such as ami-0123456789abcdef0, or resolve:ssm: and the name of an SSM parameter that holds one',
    )
    .describe(
      'AMI relays boot from: its id, or `resolve:ssm:NAME` for what the SSM parameter says at each launch ' +
        '(`resolve:ssm:NAME:VERSION` and `resolve:ssm:NAME:LABEL` too).',
    ),
  instanceTypes: idList(/^[a-z0-9-]+\.[a-z0-9-]+$/, 'must be an instance type, such as t3.micro').describe(
    'Instance types in order of preference.',
  ),
  subnetIds: idList(/^subnet-[0-9a-z-]+$/, 'must be a subnet id, such as subnet-0123456789abcdef0').describe(
    'Subnets in order of preference.',
  ),
  securityGroupIds: idList(/^sg-[0-9a-z-]+$/, 'must be a security group id, such as sg-0123456789abcdef0').describe(
    'Security groups of every relay.',
  ),
  instanceProfile: z
    .string()
    .regex(/^[\w+=,.@-]{1,128}$/, 'must be the name of an instance profile, not its ARN')
    .optional()
    .describe('Name of the instance profile relays run with.'),
  spot: z
    .enum(['off', 'prefer', 'only'])
    .default('off')
    .describe('`prefer`: spot instances, on-demand ones where there are none; `only`: spot alone.'),
  warmPool: warmPool
    .prefault({})
    .describe(
      'Booted spare relays, handed out at once: `size` of them (0: none), each replaced when `maxAgeSeconds` old (21600); ' +
        '`schedule` is a list of `{from, to, size}` in UTC times of day that overrides `size`, the first that fits.',
    ),
  container: container
    .optional()
    .describe('The container of this region, in place of the whole of `relays.container`.'),
  maxRelays: z.int().min(1).optional().describe('Most live relays in this region; no limit when absent.'),
});

const filePath = z.string().min(1);

const redis = z.strictObject({
  password: z.string().min(1).optional().describe('Password of Redis, in place of one in `redisUrl`.'),
  tlsCaPath: filePath
    .optional()
    .describe('PEM file of the CA that signed the certificates of Redis and the sentinels.'),
  tlsCertPath: filePath.optional().describe('PEM file of the client certificate, where Redis asks for one.'),
  tlsKeyPath: filePath.optional().describe('PEM file of the key of that certificate.'),
  tlsServerName: host.optional().describe('Name in the certificates, where it is not the host they are reached by.'),
  sentinelUsername: z.string().min(1).optional().describe('ACL user at the sentinels, where they have users.'),
  sentinelPassword: z.string().min(1).optional().describe('Password of the sentinels, where they have one.'),
  waitReplicas: z
    .int()
    .min(0)
    .max(10)
    .default(0)
    .describe('How many replicas must hold a create, renewal or delete before it is acknowledged; see redis.md.'),
  // Below the time after which a command counts as unanswered.
  waitMs: z.int().min(10).max(500).default(250).describe('How long they may take, in ms; then the answer is 503.'),
});

/** The one description of the configuration: types, defaults, env names, documentation and JSON Schema come from it. */
export const configSchema = z.strictObject({
  environment: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,30}$/, 'must be 1 to 31 of a-z, 0-9 and -, starting with a letter')
    .default('production')
    .describe('Which installation this is; `local` is the one-command stack and relaxes what only it may.'),
  deploymentId: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be 1 to 63 of a-z, 0-9 and -')
    .describe('Value of the tag `aegis:deployment` on every instance. Never change it while relays live.'),
  secret: z.string().min(32).describe('Derives launch tokens and relay secrets. Never change it while relays live.'),
  redisUrl: z
    .string()
    .regex(
      /^rediss?(\+sentinel|\+cluster)?:\/\/[^/?#]+/,
      'must be a redis://, redis+sentinel:// or redis+cluster:// URL, with rediss for TLS',
    )
    .describe('Redis that holds relays and queues: standalone, Sentinel or Cluster.'),
  redis: redis.prefault({}),
  logLevel: z.enum(['error', 'warn', 'info', 'debug']).default('info').describe('Least severe level that is logged.'),
  shutdownTimeoutSeconds: seconds(600)
    .default(25)
    .describe('Deadline of the whole graceful shutdown, `drainDelaySeconds` included.'),
  drainDelaySeconds: z
    .int()
    .min(0)
    .max(300)
    .default(0)
    .describe('How long to go on serving, already unready, until load balancers have noticed.'),
  api,
  jobs: jobs.prefault({}),
  relays: relays.prefault({}),
  quotas: quotas.prefault({}),
  sweep: sweep.prefault({}),
  regions: z.array(region).min(1).describe('Where relays can run.'),
});

export type AegisConfig = z.output<typeof configSchema>;
export type RegionConfig = AegisConfig['regions'][number];
export type ApiKeyConfig = AegisConfig['api']['keys'][number];

/** Parts that are checked across their fields even while another part is at fault. */
export const sectionSchemas = { api, jobs, relays, region, redis } as const;
