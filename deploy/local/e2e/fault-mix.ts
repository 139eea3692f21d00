import type { FaultInput } from '@aegis/ec2-sim';

const error = (code: string) => ({ type: 'error', code }) as const;
const DOWN = { type: 'http', status: 503 } as const;
const CUT = { type: 'cut' } as const;

/**
 * Calls to EC2 that go wrong in every way the metrics tell apart, in three regions: repeated in vain and with success,
 * refused for good, lost on the way there and back, throttled, and never answered.
 */
export function faultMix([first, second, third]: readonly [string, string, string]): FaultInput[] {
  return [
    { region: first, operation: 'RunInstances', count: 4, kind: DOWN },
    { region: first, operation: 'RunInstances', kind: error('VcpuLimitExceeded') },
    { region: first, operation: 'RunInstances', kind: error('InsufficientInstanceCapacity') },
    { region: first, operation: 'DescribeInstances', count: 5, probability: 0.5, kind: error('RequestLimitExceeded') },
    { region: second, operation: 'TerminateInstances', count: 7, kind: DOWN },
    { region: second, operation: 'TerminateInstances', count: 2, kind: error('UnauthorizedOperation') },
    { region: second, operation: 'RunInstances', count: 3, probability: 0.5, effect: 'done', kind: CUT },
    { region: second, operation: 'DescribeInstances', count: 6, probability: 0.5, kind: CUT },
    { region: third, operation: 'DescribeInstances', kind: { type: 'hang' } },
    { region: third, operation: 'RunInstances', kind: { type: 'auth' } },
    { region: third, operation: 'RunInstances', count: 4, probability: 0.6, kind: error('InternalError') },
    { region: third, count: 6, probability: 0.3, kind: error('RequestLimitExceeded') },
  ];
}
