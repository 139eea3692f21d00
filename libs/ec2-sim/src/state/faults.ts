import * as z from 'zod';

/**
 * What goes wrong with the next calls. `effect: 'done'` means the call really takes effect before it goes wrong: the
 * instances are launched and the caller never hears of it.
 */
export const faultSchema = z.strictObject({
  /** An EC2 operation, or `*` for all. */
  operation: z.string().default('*'),
  /** Absent: every region. */
  region: z.string().optional(),
  /** How many calls; null: until cleared. */
  count: z.number().int().min(1).nullable().default(1),
  /** The share of calls it strikes. */
  probability: z.number().min(0).max(1).default(1),
  effect: z.enum(['none', 'done']).default('none'),
  kind: z.discriminatedUnion('type', [
    /** An EC2 error answer. */
    z.strictObject({
      type: z.literal('error'),
      code: z.string(),
      message: z.string().optional(),
      httpStatus: z.number().int().min(400).max(599).optional(),
    }),
    /** AuthFailure, as with credentials that stopped working. */
    z.strictObject({ type: z.literal('auth') }),
    /** A bare HTTP status without EC2's XML, as a load balancer gives. */
    z.strictObject({ type: z.literal('http'), status: z.number().int().min(400).max(599) }),
    /** The call goes through, late. With effect `done` only the answer is late. */
    z.strictObject({ type: z.literal('latency'), ms: z.number().min(0) }),
    /** No answer until the fault is cleared or the caller gives up. */
    z.strictObject({ type: z.literal('hang') }),
    /** The connection is reset. */
    z.strictObject({ type: z.literal('cut') }),
  ]),
});
export type Fault = z.infer<typeof faultSchema>;
export type FaultInput = z.input<typeof faultSchema>;

export interface ActiveFault extends Fault {
  id: number;
  /** Calls struck so far. */
  struck: number;
}

/** Injected faults in the order given; the first that fits a call strikes it. */
export class Faults {
  readonly #random: () => number;
  #active: ActiveFault[] = [];
  #nextId = 1;

  constructor(random: () => number) {
    this.#random = random;
  }

  add(fault: Fault): ActiveFault {
    const active = { ...fault, id: this.#nextId++, struck: 0 };
    this.#active.push(active);
    return active;
  }

  list(): readonly ActiveFault[] {
    return this.#active;
  }

  clear(id?: number): void {
    this.#active = id === undefined ? [] : this.#active.filter((fault) => fault.id !== id);
  }

  take(operation: string, region: string): Fault | undefined {
    const fault = this.#active.find(
      (candidate) =>
        (candidate.operation === '*' || candidate.operation === operation) &&
        (candidate.region === undefined || candidate.region === region) &&
        (candidate.probability === 1 || this.#random() < candidate.probability),
    );
    if (fault === undefined) return undefined;
    fault.struck += 1;
    if (fault.count !== null && fault.struck >= fault.count) this.clear(fault.id);
    return fault;
  }
}
