import { expect, test } from '@jest/globals';
import { createOfferingHealth, type OfferingHealth } from './offering-health.js';

const REGION = {
  instanceTypes: ['c7g.large', 'c6g.large'],
  subnetIds: ['subnet-a', 'subnet-b'],
  spot: 'off',
} as const;
const settings = (spot: 'off' | 'prefer' | 'only') => ({
  instanceTypes: [...REGION.instanceTypes],
  subnetIds: [...REGION.subnetIds],
  spot,
});

function exhaust(health: OfferingHealth): string[] {
  const seen: string[] = [];
  for (let best = health.best(null); best; best = health.best(null)) {
    const { instanceType, subnetId, market } = best.offering;
    seen.push(`${market.type} ${instanceType} ${subnetId}`);
    health.markUnavailable(best.offering);
  }
  return seen;
}

test('offerings are tried type by type, subnet by subnet, and probed after three minutes', () => {
  let now = 0;
  const health = createOfferingHealth(settings('off'), () => now);
  expect(exhaust(health)).toEqual([
    'on_demand c7g.large subnet-a',
    'on_demand c7g.large subnet-b',
    'on_demand c6g.large subnet-a',
    'on_demand c6g.large subnet-b',
  ]);
  now = 3 * 60_000 - 1;
  expect(health.best(null)).toBeNull();
  now += 1;
  const probed = health.best(null);
  expect(probed).toMatchObject({ offering: { instanceType: 'c7g.large', subnetId: 'subnet-a' }, probe: true });
  if (probed) health.markAvailable(probed.offering);
  expect(health.best(null)).toMatchObject({ offering: { instanceType: 'c7g.large' }, probe: false });
});

test('spot comes before on-demand where both are allowed, and alone where only spot is', () => {
  const markets = (spot: 'prefer' | 'only') =>
    exhaust(createOfferingHealth(settings(spot), () => 0)).map((name) => name.split(' ')[0]);
  expect(markets('prefer')).toEqual([...Array(4).fill('spot'), ...Array(4).fill('on_demand')]);
  expect(markets('only')).toEqual(Array(4).fill('spot'));
});

test('a type alone is chosen among its own offerings, and is exhausted once all of them were refused', () => {
  let now = 1_000;
  const health = createOfferingHealth(settings('off'), () => now);
  expect(health.best('c6g.large')).toMatchObject({ offering: { instanceType: 'c6g.large', subnetId: 'subnet-a' } });
  expect(health.best('m5.large')).toBeNull();
  for (const subnetId of REGION.subnetIds) {
    expect(health.exhaustedUntil('c6g.large')).toBeNull();
    health.markUnavailable({ instanceType: 'c6g.large', subnetId, market: { type: 'on_demand' } });
    now += 10;
  }
  expect(health.best('c6g.large')).toBeNull();
  expect(health.best(null)).toMatchObject({ offering: { instanceType: 'c7g.large' } });
  expect(health.exhaustedUntil('c6g.large')).toBe(1_000 + 3 * 60_000);
  expect(health.exhaustedUntil('c7g.large')).toBeNull();
});
