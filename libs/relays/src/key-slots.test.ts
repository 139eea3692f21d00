import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { Command } from 'ioredis';
import { regionKeys } from './region-keys.js';
import { newRelayId } from './relay-id.js';
import { tenantKeys } from './tenant-keys.js';

const slotOf = (key: string) => new Command('get', [key]).getSlot();
const REGIONS = [
  'us-east-1',
  'us-east-2',
  'us-west-1',
  'us-west-2',
  'eu-west-1',
  'eu-central-1',
  'ap-southeast-2',
  'sa-east-1',
];

function keysOf(region: string): string[] {
  const id = newRelayId(region, Date.now(), randomInt);
  return Object.values(regionKeys(region)).flatMap((key) => {
    if (typeof key === 'string') return [key];
    return [(key as (part: string) => string)(id), (key as (part: string) => string)('pending')];
  });
}

test('all keys of a region share one slot with its queues, and regions spread over the masters', () => {
  for (const region of REGIONS) {
    const queues = ['launch', 'jobs'].map((queue) => `${regionKeys(region).prefix}:${queue}:wait`);
    expect(new Set([...keysOf(region), ...queues].map(slotOf)).size).toBe(1);
  }
  const slots = REGIONS.map((region) => slotOf(regionKeys(region).prefix));
  expect(new Set(slots).size).toBe(REGIONS.length);
  // Of three masters with a third of the slots each, none goes without.
  expect(new Set(slots.map((slot) => Math.floor((slot * 3) / 16_384))).size).toBe(3);
});

test('all keys of a tenant share one slot, and tenants spread', () => {
  const tenants = Array.from({ length: 100 }, (_, at) => `tenant-${at}`);
  for (const tenant of tenants) {
    const { prefix, ...keys } = tenantKeys(tenant);
    const all = [prefix, `${prefix}:idempotency:x`, ...Object.values(keys)];
    expect(new Set(all.map(slotOf)).size).toBe(1);
  }
  expect(new Set(tenants.map((tenant) => slotOf(tenantKeys(tenant).prefix))).size).toBeGreaterThan(90);
});

test('no script names a key that does not begin with the prefix it was given', () => {
  const folder = new URL('../lua/', import.meta.url);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.lua'));
  expect(files.length).toBeGreaterThan(20);
  for (const file of files) {
    const text = readFileSync(new URL(file, folder), 'utf8');
    // INFO takes no key.
    expect({ file, literal: /redis\.call\('(?!INFO)\w+', '[^)]*\)/.exec(text)?.[0] }).toEqual({
      file,
      literal: undefined,
    });
  }
});
