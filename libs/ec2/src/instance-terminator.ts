import { TerminateInstancesCommand, type TerminateInstancesCommandOutput } from '@aws-sdk/client-ec2';
import type { AwsFailure } from './aws-failure.js';
import type { InstanceChange, InstanceTerminator } from './cloud-provider.js';
import { inBatches } from './instance-batches.js';
import { toInstanceState } from './instance-view.js';
import type { RegionClient } from './region-client.js';

export function createInstanceTerminator(clientOf: (region: string) => RegionClient): InstanceTerminator {
  return {
    async terminate(region, instanceIds, options = {}) {
      const client = clientOf(region);
      const { done, missing, failures } = await inBatches(instanceIds, async (ids) => {
        const output = await client.call({
          op: 'terminate_instances',
          command: new TerminateInstancesCommand({ InstanceIds: ids }),
          signal: options.signal,
          instances: ids.length,
          nothingToDo: (ended) =>
            'output' in ended ? changesOf(ended.output).every(wasEnding) : namesAll(ended.failure, ids),
        });
        return changesOf(output);
      });
      return { changes: done, missing, failures };
    },
  };
}

function changesOf(output: TerminateInstancesCommandOutput): InstanceChange[] {
  const requestId = output.$metadata.requestId ?? null;
  return (output.TerminatingInstances ?? []).map((change) => ({
    instanceId: change.InstanceId ?? '',
    previousState: toInstanceState(change.PreviousState?.Name),
    currentState: toInstanceState(change.CurrentState?.Name),
    requestId,
  }));
}

function wasEnding(change: InstanceChange): boolean {
  return change.previousState === 'terminated' || change.previousState === 'shutting-down';
}

function namesAll(failure: AwsFailure, ids: readonly string[]): boolean {
  return failure.kind === 'not_found' && ids.every((id) => failure.instanceIds.includes(id));
}
