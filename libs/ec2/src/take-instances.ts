import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ServiceInputTypes, ServiceOutputTypes } from '@aws-sdk/client-ec2';
import { HttpResponse } from '@smithy/core/protocols';
import type { AbsoluteLocation, DeserializeHandlerOptions, DeserializeMiddleware } from '@smithy/types';
import type { InstanceView } from './cloud-provider.js';
import { type InstanceAnswer, InstanceScan } from './instance-scan.js';
import type { Call, RegionClient } from './region-client.js';

/** Makes a call and takes the instances out of its answer; the rest of it is `output`. */
export async function callForInstances<Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(
  client: RegionClient,
  call: Call<Input, Output> & { op: InstanceAnswer },
): Promise<{ instances: InstanceView[]; output: Output }> {
  let instances: InstanceView[] = [];
  const taken = (scan: InstanceScan) => {
    instances = scan.instances;
  };
  call.command.middlewareStack.add(takeInstances(call.op, taken), TAKE_INSTANCES_POSITION);
  const output = await client.call(call);
  return { instances, output };
}

/** Inside the SDK's own deserializer: it is given what this leaves of the answer. */
const TAKE_INSTANCES_POSITION: DeserializeHandlerOptions & AbsoluteLocation = {
  step: 'deserialize',
  priority: 'low',
  name: 'takeInstances',
  override: true,
};

/** Reads the instances out of each good answer as it arrives; refusals are the SDK's. `taken` is told at every attempt. */
function takeInstances<Input extends object, Output extends object>(
  answer: InstanceAnswer,
  taken: (scan: InstanceScan) => void,
): DeserializeMiddleware<Input, Output> {
  return (next) => async (args) => {
    const result = await next(args);
    const { response } = result;
    if (!HttpResponse.isInstance(response) || response.statusCode !== 200) return result;
    const scan = new InstanceScan(answer);
    await readInTurns(scan, response.body as AsyncIterable<Buffer>);
    response.body = scan.end();
    taken(scan);
    return result;
  };
}

/** Bytes that are read in well under a millisecond. */
const SLICE = 16 * 1024;

/** A page of a thousand instances is megabytes: other regions' calls have their turn in between, however it is cut. */
async function readInTurns(scan: InstanceScan, body: AsyncIterable<Buffer>): Promise<void> {
  let read = 0;
  for await (const chunk of body) {
    for (let from = 0; from < chunk.length; from += SLICE) {
      const slice = chunk.subarray(from, from + SLICE);
      scan.write(slice);
      read += slice.length;
      if (read < SLICE) continue;
      read = 0;
      await nextTurn();
    }
  }
}
