import type { Cloud } from '../state/cloud.js';
import type { Region } from '../state/region.js';
import type { QueryParams } from './query-params.js';
import type { XmlObject } from './xml.js';

export interface OperationContext {
  cloud: Cloud;
  region: Region;
  params: QueryParams;
  /** Digest of all parameters that make a request the same request. */
  fingerprint: string;
}

export interface OperationResult {
  body: XmlObject;
  /** Instances the answer holds, for the call log. */
  instances: number;
}

/** One EC2 action. `run` is synchronous, so its effect is atomic and concurrent duplicates meet it done or not begun. */
export interface Operation {
  /** Top-level parameters it knows. */
  parameters: ReadonlySet<string>;
  /** Instances it asks for, where EC2 limits those. */
  instancesAsked?(params: QueryParams): number;
  run(context: OperationContext): OperationResult;
}

/** Parameters every action takes. */
export const COMMON_PARAMETERS: ReadonlySet<string> = new Set(['Action', 'Version', 'DryRun']);
