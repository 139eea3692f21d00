import { HttpResponse } from '@smithy/core/protocols';
import type { AbsoluteLocation, DeserializeHandlerOptions, DeserializeMiddleware } from '@smithy/types';
import { type InstanceAnswer, InstanceScan } from './instance-scan.js';

/** Inside the SDK's own deserializer: it is given what this leaves of the answer. */
export const TAKE_INSTANCES_POSITION: DeserializeHandlerOptions & AbsoluteLocation = {
  step: 'deserialize',
  priority: 'low',
  name: 'takeInstances',
  override: true,
};

/** Reads the instances out of each good answer as it arrives; refusals are the SDK's. `taken` is told at every attempt. */
export function takeInstances<Input extends object, Output extends object>(
  answer: InstanceAnswer,
  taken: (scan: InstanceScan) => void,
): DeserializeMiddleware<Input, Output> {
  return (next) => async (args) => {
    const result = await next(args);
    const { response } = result;
    if (!HttpResponse.isInstance(response) || response.statusCode !== 200) return result;
    const scan = new InstanceScan(answer);
    for await (const chunk of response.body as AsyncIterable<Buffer>) scan.write(chunk);
    response.body = scan.end();
    taken(scan);
    return result;
  };
}
