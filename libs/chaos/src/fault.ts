import type { FaultInput } from '@aegis/ec2-sim';

/** The processes that can be killed or frozen. */
export const PARTS = ['api-1', 'api-2', 'jobs-1', 'jobs-2', 'redis'] as const;
export type Part = (typeof PARTS)[number];

/** One thing that goes wrong in a round. */
export type Fault =
  /** SIGKILL, and a new start after a while. */
  | { kind: 'kill'; part: Part; downMs: number }
  /** SIGTERM and a new start, as a rolling update does it. */
  | { kind: 'update'; part: Part }
  /** SIGSTOP, and SIGCONT after a while. */
  | { kind: 'freeze'; part: Part; forMs: number }
  /** FLUSHALL while requests are being answered and jobs run. */
  | { kind: 'flush' }
  /** Calls to EC2 fail, hang or take long. */
  | { kind: 'calls'; name: CallTrouble; forMs: number; fault: FaultInput }
  /** An instance type runs short in a region: no more than `room` of it may live there. */
  | { kind: 'capacity'; region: string; instanceType: string; room: number; forMs: number }
  /** Instances end without being asked to: their host fails, or somebody else terminates them. */
  | { kind: 'instances'; how: 'die' | 'outside'; count: number };

export type CallTrouble =
  | 'latency'
  | 'hang'
  | 'cut_before'
  | 'cut_after'
  | 'throttling'
  | 'server_error'
  | 'credentials';

export interface PlannedFault {
  /** From the start of the round's traffic. */
  atMs: number;
  fault: Fault;
}

export function describeFault({ atMs, fault }: PlannedFault): string {
  return `${(atMs / 1000).toFixed(1)} s ${describe(fault)}`;
}

function describe(fault: Fault): string {
  switch (fault.kind) {
    case 'kill':
      return `kill -9 ${fault.part} (down ${fault.downMs} ms)`;
    case 'update':
      return `update ${fault.part}`;
    case 'freeze':
      return `freeze ${fault.part} for ${fault.forMs} ms`;
    case 'flush':
      return 'FLUSHALL under load';
    case 'calls': {
      const { operation = '*', region = 'everywhere', count = 1, probability = 1, effect = 'none' } = fault.fault;
      const share = count === null ? `${Math.round(probability * 100)} %` : `${count}`;
      return `${fault.name} of ${share} ${operation} ${region} effect ${effect} for ${fault.forMs} ms`;
    }
    case 'capacity':
      return `room for ${fault.room} ${fault.instanceType} in ${fault.region} for ${fault.forMs} ms`;
    case 'instances':
      return `${fault.count} instances ${fault.how === 'die' ? 'die' : 'terminated from outside'}`;
  }
}
