import { setTimeout as delay } from 'node:timers/promises';
import type { SimControl } from '@aegis/ec2-sim';
import type { Stack } from '@aegis/local-stack';
import { liveInstances } from './cloud-history.js';
import type { Fault } from './fault.js';
import { freeze, killAndRestart, processOf, update } from './process-faults.js';
import type { Random } from './random.js';

export interface FaultTools {
  stack: Stack;
  sim: SimControl;
  /** FLUSHALL; rejects while Redis is away. */
  flush(): Promise<void>;
  /** Chooses the instances that end. */
  random: Random;
}

/** Does it and resolves when it is over: what was killed runs again, what was frozen goes on. */
export async function carryOutFault(fault: Fault, { stack, sim, flush, random }: FaultTools): Promise<void> {
  switch (fault.kind) {
    case 'kill':
      await killAndRestart(processOf(stack, fault.part), fault.downMs);
      return;
    case 'update':
      await update(processOf(stack, fault.part));
      return;
    case 'freeze':
      await freeze(processOf(stack, fault.part), fault.forMs);
      return;
    case 'flush':
      await flush();
      return;
    case 'calls': {
      const { id } = await sim.fault(fault.fault);
      await delay(fault.forMs);
      await sim.clearFault(id);
      return;
    }
    case 'capacity': {
      const { region, instanceType, room } = fault;
      await sim.setCapacity({ region, instanceType, limit: room });
      await delay(fault.forMs);
      await sim.setCapacity({ region, instanceType, limit: null });
      return;
    }
    case 'instances': {
      const live = await liveInstances(sim);
      const instanceIds = random.some(live, fault.count).map(({ instanceId }) => instanceId);
      if (instanceIds.length === 0) return;
      if (fault.how === 'die') await sim.kill({ instanceIds });
      else await sim.terminateOutside(instanceIds);
    }
  }
}
