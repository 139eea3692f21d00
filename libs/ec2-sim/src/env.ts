import * as z from 'zod';
import type { Ec2SimulatorOptions } from './simulator.js';
import { DEFAULT_REGIONS, DEFAULT_SETTINGS } from './state/settings.js';

const milliseconds = z.coerce.number().int().min(0);
const list = z
  .string()
  .transform((text) => text.split(',').map((item) => item.trim()))
  .pipe(z.array(z.string().min(1)));

function onOff(byDefault: boolean) {
  return z
    .enum(['on', 'off'])
    .default(byDefault ? 'on' : 'off')
    .transform((word) => word === 'on');
}

const environment = z.object({
  AEGIS_SIM_HOST: z.string().min(1).default('127.0.0.1'),
  AEGIS_SIM_PORT: z.coerce.number().int().min(0).max(65_535).default(8082),
  AEGIS_SIM_BOOT_MS: milliseconds.default(DEFAULT_SETTINGS.bootMs),
  AEGIS_SIM_SHUTDOWN_MS: milliseconds.default(DEFAULT_SETTINGS.shutdownMs),
  AEGIS_SIM_VISIBILITY_MS: milliseconds.default(DEFAULT_SETTINGS.visibilityMs),
  AEGIS_SIM_ADDRESS_MS: milliseconds.default(DEFAULT_SETTINGS.addressMs),
  AEGIS_SIM_CHECKIN_DELAY_MS: milliseconds.default(DEFAULT_SETTINGS.checkInDelayMs),
  AEGIS_SIM_THROTTLE: onOff(DEFAULT_SETTINGS.throttle),
  AEGIS_SIM_AGENTS: onOff(DEFAULT_SETTINGS.agents),
  AEGIS_SIM_REGIONS: list.default([...DEFAULT_REGIONS]),
  AEGIS_SIM_IMAGES: list.optional(),
  AEGIS_SIM_SUBNETS: list.optional(),
  AEGIS_SIM_SECURITY_GROUPS: list.optional(),
  AEGIS_SIM_STATE_FILE: z.string().min(1).optional(),
});

export type EnvResult =
  | { outcome: 'options'; options: Ec2SimulatorOptions & { host: string; port: number } }
  /** Every fault, each with the name of its variable. */
  | { outcome: 'faults'; faults: string[] };

/** Reads the simulator's options from environment variables; an empty one counts as absent. */
export function readEnv(env: Readonly<Record<string, string | undefined>>): EnvResult {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = environment.safeParse(given);
  if (!parsed.success) {
    return {
      outcome: 'faults',
      faults: parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`),
    };
  }
  const { data } = parsed;
  return {
    outcome: 'options',
    options: {
      host: data.AEGIS_SIM_HOST,
      port: data.AEGIS_SIM_PORT,
      regions: data.AEGIS_SIM_REGIONS,
      settings: {
        bootMs: data.AEGIS_SIM_BOOT_MS,
        shutdownMs: data.AEGIS_SIM_SHUTDOWN_MS,
        visibilityMs: data.AEGIS_SIM_VISIBILITY_MS,
        addressMs: data.AEGIS_SIM_ADDRESS_MS,
        checkInDelayMs: data.AEGIS_SIM_CHECKIN_DELAY_MS,
        throttle: data.AEGIS_SIM_THROTTLE,
        agents: data.AEGIS_SIM_AGENTS,
      },
      catalogue: {
        ...(data.AEGIS_SIM_IMAGES && { imageIds: data.AEGIS_SIM_IMAGES }),
        ...(data.AEGIS_SIM_SUBNETS && { subnetIds: data.AEGIS_SIM_SUBNETS }),
        ...(data.AEGIS_SIM_SECURITY_GROUPS && { securityGroupIds: data.AEGIS_SIM_SECURITY_GROUPS }),
      },
      ...(data.AEGIS_SIM_STATE_FILE && { stateFile: data.AEGIS_SIM_STATE_FILE }),
    },
  };
}
