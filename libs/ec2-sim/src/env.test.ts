import { expect, test } from '@jest/globals';
import { readEnv } from './env.js';

test('an empty environment gives the defaults', () => {
  expect(readEnv({ AEGIS_SIM_BOOT_MS: '' })).toMatchObject({
    outcome: 'options',
    options: { host: '127.0.0.1', port: 8082, settings: { bootMs: 1000, throttle: true, agents: true }, catalogue: {} },
  });
});

test('every variable is read', () => {
  const result = readEnv({
    AEGIS_SIM_HOST: '0.0.0.0',
    AEGIS_SIM_PORT: '0',
    AEGIS_SIM_BOOT_MS: '0',
    AEGIS_SIM_SHUTDOWN_MS: '5',
    AEGIS_SIM_VISIBILITY_MS: '6',
    AEGIS_SIM_ADDRESS_MS: '7',
    AEGIS_SIM_CHECKIN_DELAY_MS: '8',
    AEGIS_SIM_THROTTLE: 'off',
    AEGIS_SIM_AGENTS: 'off',
    AEGIS_SIM_REGIONS: 'us-east-1, eu-west-1',
    AEGIS_SIM_IMAGES: 'ami-0123456789abcdef9',
    AEGIS_SIM_SUBNETS: 'subnet-0123456789abcdef9',
    AEGIS_SIM_SECURITY_GROUPS: 'sg-0123456789abcdef9',
    AEGIS_SIM_STATE_FILE: '/tmp/state',
  });
  expect(result).toEqual({
    outcome: 'options',
    options: {
      host: '0.0.0.0',
      port: 0,
      regions: ['us-east-1', 'eu-west-1'],
      settings: {
        bootMs: 0,
        shutdownMs: 5,
        visibilityMs: 6,
        addressMs: 7,
        checkInDelayMs: 8,
        throttle: false,
        agents: false,
      },
      catalogue: {
        imageIds: ['ami-0123456789abcdef9'],
        subnetIds: ['subnet-0123456789abcdef9'],
        securityGroupIds: ['sg-0123456789abcdef9'],
      },
      stateFile: '/tmp/state',
    },
  });
});

test('all faults are told together, each with its variable', () => {
  const result = readEnv({ AEGIS_SIM_PORT: 'x', AEGIS_SIM_THROTTLE: 'maybe', AEGIS_SIM_BOOT_MS: '-1' });
  expect(result.outcome === 'faults' && result.faults.map((fault) => fault.split(':')[0])).toEqual([
    'AEGIS_SIM_PORT',
    'AEGIS_SIM_BOOT_MS',
    'AEGIS_SIM_THROTTLE',
  ]);
});
