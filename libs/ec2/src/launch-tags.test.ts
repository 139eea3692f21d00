import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { buildLaunchTags, fitBatch, MAX_BATCH, type RelaySlot, readLaunchTags, type Tag } from './launch-tags.js';

const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz';
const shortIds = fc.string({ unit: fc.constantFrom(...DIGITS), minLength: 16, maxLength: 16 });
const tenantNames = fc.oneof(
  fc.constant(''),
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 64 }),
);
const batches = fc
  .array(tenantNames, { minLength: 1, maxLength: 200 })
  .chain((names) =>
    fc.array(fc.record({ short: shortIds, tenant: fc.constantFrom(...names) }), { minLength: 1, maxLength: MAX_BATCH }),
  )
  .map((slots) => slots.map(({ short, tenant }) => ({ id: `rly_apse2_${short}`, tenant })));

function tagsOf(relays: readonly RelaySlot[]): Tag[] {
  return buildLaunchTags({ deploymentId: 'prod-1', intentId: 'int_apse2_0123456789abcdef', relays });
}

function asRecord(tags: readonly Tag[]): Record<string, string> {
  return Object.fromEntries(tags.map(({ key, value }) => [key, value]));
}

function relays(count: number, tenant: (i: number) => string): RelaySlot[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `rly_use1_${String(i).padStart(16, '0')}`,
    tenant: tenant(i),
  }));
}

describe('launch tags', () => {
  test('say who every instance of the batch is', () => {
    fc.assert(
      fc.property(batches, (batch) => {
        const taken = batch.slice(0, fitBatch(batch));
        expect(readLaunchTags(asRecord(tagsOf(taken)))).toEqual({
          deploymentId: 'prod-1',
          intentId: 'int_apse2_0123456789abcdef',
          relayIds: taken.map(({ id }) => id.slice('rly_apse2_'.length)),
          tenants: taken.map(({ tenant }) => tenant),
        });
      }),
      { numRuns: 60 },
    );
  });

  test('stay inside the limits of EC2 and leave room for marks', () => {
    fc.assert(
      fc.property(batches, (batch) => {
        const tags = tagsOf(batch.slice(0, fitBatch(batch)));
        expect(tags.length).toBeLessThanOrEqual(46);
        expect(new Set(tags.map(({ key }) => key)).size).toBe(tags.length);
        for (const { key, value } of tags) {
          expect(key.length).toBeLessThanOrEqual(128);
          expect(value.length).toBeLessThanOrEqual(256);
          expect(value).toMatch(/^[\x20-\x7e]*$/);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('survive damage by answering nothing', () => {
    const tags = asRecord(tagsOf(relays(40, () => 'acme')));
    const { 'aegis:relays:01': _lost, ...withoutMiddle } = tags;
    expect(readLaunchTags(withoutMiddle)).toBeNull();
    expect(readLaunchTags({ ...tags, 'aegis:tenants:00': 'acme+39' })).toBeNull();
    expect(readLaunchTags({ ...tags, 'aegis:relays:02': 'edited' })).toBeNull();
    expect(readLaunchTags({ 'aegis:deployment': 'prod-1' })).toBeNull();
    expect(readLaunchTags({})).toBeNull();
  });

  test('are refused for what is no batch', () => {
    expect(() => tagsOf([])).toThrow(RangeError);
    expect(() => tagsOf([{ id: 'rly_use1_tooshort', tenant: 'acme' }])).toThrow(/Not a relay id/);
    expect(() => tagsOf(relays(MAX_BATCH + 1, () => 'acme'))).toThrow(/fitBatch/);
  });
});

describe('fitBatch', () => {
  test.each([
    ['one tenant', () => 'acme'],
    ['warm relays', () => ''],
    ['two tenants taking turns', (i: number) => ['acme-corporation', 'beta-industries'][i % 2] ?? ''],
    ['thirty tenants taking turns', (i: number) => `customer-${i % 30}`],
    ['one long-named tenant', () => 'x'.repeat(255)],
  ])('takes a full batch of %s', (_name, tenant) => {
    const batch = relays(MAX_BATCH, tenant);
    expect(fitBatch(batch)).toBe(MAX_BATCH);
    expect(tagsOf(batch).length).toBeLessThanOrEqual(46);
  });

  test('never takes more than a full batch', () => {
    expect(fitBatch(relays(MAX_BATCH * 3, () => 'acme'))).toBe(MAX_BATCH);
    expect(fitBatch([])).toBe(0);
  });

  test('takes what fits of many tenants with long names, and not one less', () => {
    const batch = relays(MAX_BATCH, (i) => `${'tenant-with-a-long-name-'.repeat(2)}${i}`);
    const count = fitBatch(batch);
    expect(count).toBeGreaterThan(50);
    expect(count).toBeLessThan(MAX_BATCH);
    expect(() => tagsOf(batch.slice(0, count))).not.toThrow();
    expect(() => tagsOf(batch.slice(0, count + 1))).toThrow(RangeError);
  });
});
