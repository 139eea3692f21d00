import * as z from 'zod';
import { Ec2Error } from '../protocol/ec2-error.js';
import type { Market } from './model.js';

const selector = {
  /** Absent: every region, type, subnet or market. */
  region: z.string().optional(),
  instanceType: z.string().optional(),
  subnetId: z.string().optional(),
  market: z.enum(['on-demand', 'spot']).optional(),
};

export const capacityLimitSchema = z.strictObject({
  ...selector,
  /** Instances that can live in it at once; null takes the limit away. */
  limit: z.number().int().min(0).nullable(),
  /** What EC2 says when none fits: `Unsupported`, `InsufficientFreeAddressesInSubnet` … */
  code: z.string().default('InsufficientInstanceCapacity'),
});
export type CapacityLimit = z.infer<typeof capacityLimitSchema>;
export type CapacityLimitInput = z.input<typeof capacityLimitSchema>;

export const quotaSchema = z.strictObject({
  region: z.string().optional(),
  /** vCPUs of live instances; null: unlimited. */
  vcpus: z.number().int().min(0).nullable().optional(),
  instances: z.number().int().min(0).nullable().optional(),
  spotInstances: z.number().int().min(0).nullable().optional(),
});
export type Quota = z.infer<typeof quotaSchema>;

export interface Offering {
  region: string;
  instanceType: string;
  subnetId: string;
  market: Market;
}

const SIZES: Readonly<Record<string, number>> = { large: 2, xlarge: 4, metal: 96 };

/** vCPUs by the size in a type's name; near enough to count a quota. */
export function vcpusOf(instanceType: string): number {
  const size = instanceType.split('.')[1] ?? '';
  const multiple = /^(\d+)xlarge$/.exec(size);
  if (multiple !== null) return Number(multiple[1]) * 4;
  return SIZES[size] ?? 2;
}

/** How many instances live in each offering, and how many may. */
export class Capacity {
  readonly #live = new Map<string, { offering: Offering; count: number }>();
  #limits: CapacityLimit[] = [];
  #quotas: Quota[] = [];

  setLimit(limit: CapacityLimit): void {
    const key = selectorKey(limit);
    this.#limits = this.#limits.filter((kept) => selectorKey(kept) !== key);
    if (limit.limit !== null) this.#limits.push(limit);
  }

  setQuota(quota: Quota): void {
    this.#quotas = [...this.#quotas.filter((kept) => kept.region !== quota.region), quota];
  }

  clear(): void {
    this.#live.clear();
    this.clearLimits();
  }

  clearLimits(): void {
    this.#limits = [];
    this.#quotas = [];
  }

  limits(): readonly CapacityLimit[] {
    return this.#limits;
  }

  quotas(): readonly Quota[] {
    return this.#quotas;
  }

  change(offering: Offering, by: number): void {
    const key = `${offering.region}/${offering.instanceType}/${offering.subnetId}/${offering.market}`;
    const entry = this.#live.get(key);
    if (entry === undefined) this.#live.set(key, { offering, count: by });
    else entry.count += by;
  }

  /** Instances that can be launched now, between `min` and `max`; throws EC2's error when not even `min` fit. */
  grant(offering: Offering, min: number, max: number): number {
    let granted = max;
    for (const { room, refusal } of this.#rooms(offering)) {
      if (room < min) throw refusal();
      granted = Math.min(granted, Math.max(0, room));
    }
    return granted;
  }

  *#rooms(offering: Offering): Generator<{ room: number; refusal: () => Ec2Error }> {
    for (const quota of this.#quotas) {
      if (quota.region === undefined || quota.region === offering.region) yield* this.#quotaRooms(quota, offering);
    }
    for (const limit of this.#limits) {
      if (limit.limit === null || !covers(limit, offering)) continue;
      const room = limit.limit - this.#sum((other) => covers(limit, other) && other.region === offering.region);
      yield { room, refusal: () => new Ec2Error(limit.code, capacityMessage(limit.code, offering)) };
    }
  }

  *#quotaRooms(quota: Quota, offering: Offering): Generator<{ room: number; refusal: () => Ec2Error }> {
    const here = (other: Offering) => other.region === offering.region;
    if (typeof quota.vcpus === 'number') {
      const limit = quota.vcpus;
      const used = this.#sum(here, (other) => vcpusOf(other.instanceType));
      yield {
        room: Math.floor((limit - used) / vcpusOf(offering.instanceType)),
        refusal: () => vcpuLimitExceeded(limit),
      };
    }
    if (typeof quota.instances === 'number') {
      yield { room: quota.instances - this.#sum(here), refusal: () => instanceLimitExceeded(offering) };
    }
    if (typeof quota.spotInstances === 'number' && offering.market === 'spot') {
      const used = this.#sum((other) => here(other) && other.market === 'spot');
      yield { room: quota.spotInstances - used, refusal: spotCountExceeded };
    }
  }

  #sum(matches: (offering: Offering) => boolean, weight: (offering: Offering) => number = () => 1): number {
    let sum = 0;
    for (const { offering, count } of this.#live.values()) if (matches(offering)) sum += count * weight(offering);
    return sum;
  }
}

function selectorKey(limit: CapacityLimit): string {
  return JSON.stringify([
    limit.region ?? null,
    limit.instanceType ?? null,
    limit.subnetId ?? null,
    limit.market ?? null,
  ]);
}

function covers(limit: CapacityLimit, offering: Offering): boolean {
  return (
    (limit.region === undefined || limit.region === offering.region) &&
    (limit.instanceType === undefined || limit.instanceType === offering.instanceType) &&
    (limit.subnetId === undefined || limit.subnetId === offering.subnetId) &&
    (limit.market === undefined || limit.market === offering.market)
  );
}

function capacityMessage(code: string, offering: Offering): string {
  const { instanceType, subnetId } = offering;
  if (code === 'Unsupported')
    return `Your requested instance type (${instanceType}) is not supported in your requested subnet (${subnetId}).`;
  if (code === 'InsufficientFreeAddressesInSubnet')
    return `There are not enough free addresses in subnet '${subnetId}' to satisfy the requested number of instances.`;
  return `We currently do not have sufficient ${instanceType} capacity in the Availability Zone of ${subnetId}. Our system will be working on provisioning additional capacity.`;
}

function vcpuLimitExceeded(limit: number): Ec2Error {
  return new Ec2Error(
    'VcpuLimitExceeded',
    `You have requested more vCPU capacity than your current vCPU limit of ${limit} allows for the instance bucket that the specified instance type belongs to.`,
  );
}

function instanceLimitExceeded(offering: Offering): Ec2Error {
  return new Ec2Error(
    'InstanceLimitExceeded',
    `You have requested more ${offering.instanceType} instances than your current instance limit allows.`,
  );
}

function spotCountExceeded(): Ec2Error {
  return new Ec2Error('MaxSpotInstanceCountExceeded', 'Max spot instance count exceeded');
}
