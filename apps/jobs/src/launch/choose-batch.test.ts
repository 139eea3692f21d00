import type { Offering } from '@aegis/ec2';
import { expect, test } from '@jest/globals';
import { chooseBatch } from './choose-batch.js';

const offering = (instanceType: string): Offering => ({
  instanceType,
  subnetId: 'subnet-a',
  market: { type: 'on_demand' },
});
const SMALL = { offering: offering('small'), probe: false };
const LARGE = { offering: offering('large'), probe: false };
const waiting = (...types: (string | null)[]) =>
  types.map((instanceType, index) => ({ id: `r${index}`, tenant: 't', instanceType, until: Number.POSITIVE_INFINITY }));
const idsOf = (batch: ReturnType<typeof chooseBatch>) => batch?.relays.map(({ id }) => id);

const best = (type: string | null) => (type === 'none' ? null : type === 'large' ? LARGE : SMALL);

test('whose turn it is decides the offering; who would get the same goes along, in turn', () => {
  const turns = waiting(null, 'large', 'small', null, 'large');
  expect(chooseBatch(turns, best)).toMatchObject({ choice: SMALL });
  expect(idsOf(chooseBatch(turns, best))).toEqual(['r0', 'r2', 'r3']);
  expect(idsOf(chooseBatch(turns.slice(1), best))).toEqual(['r1', 'r4']);
});

test('those for whom there is nothing are told together, and keep nobody else waiting', () => {
  const batch = chooseBatch(waiting('none', null, 'none'), best);
  expect(batch).toMatchObject({ choice: null });
  expect(idsOf(batch)).toEqual(['r0', 'r2']);
  expect(idsOf(chooseBatch(waiting(null, 'none'), best))).toEqual(['r0']);
});

test('nobody waits: nothing to launch', () => {
  expect(chooseBatch([], best)).toBeNull();
});
