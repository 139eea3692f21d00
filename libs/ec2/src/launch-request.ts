import { buildLaunchTags, type RelaySlot } from './launch-tags.js';

/** EC2 takes 16 KB of user data before base64. */
export const MAX_USER_DATA_BYTES = 16 * 1024;
const MAX_CLIENT_TOKEN_LENGTH = 64;

export type Market = { type: 'on_demand' } | { type: 'spot'; maxPrice: string | null };

/** One way of getting a machine: a type, a zone (through its subnet) and a market. */
export interface Offering {
  instanceType: string;
  subnetId: string;
  market: Market;
}

/**
 * Everything one RunInstances call depends on, as plain JSON, so that it can be stored before the call and repeated
 * byte for byte after a crash: EC2 answers a token that comes back with other parameters with an error.
 */
export interface LaunchRequest extends Offering {
  clientToken: string;
  imageId: string;
  securityGroupIds: string[];
  /** Name or ARN. */
  instanceProfile: string | null;
  /** As the instance reads it; base64 is the wire's business. */
  userData: string;
  tags: { key: string; value: string }[];
  minCount: number;
  maxCount: number;
}

export interface LaunchPlan {
  deploymentId: string;
  intentId: string;
  /** In the order of `amiLaunchIndex`; at most `fitBatch(relays)` of them. */
  relays: readonly RelaySlot[];
  offering: Offering;
  imageId: string;
  securityGroupIds: readonly string[];
  instanceProfile?: string | null;
  userData: string;
  /** Defaults to the intent id. A second request for the same intent with other parameters needs its own. */
  clientToken?: string;
}

/** Throws a RangeError when the plan cannot be told to EC2: a fault of the caller, not of the moment. */
export function buildLaunchRequest(plan: LaunchPlan): LaunchRequest {
  const clientToken = plan.clientToken ?? plan.intentId;
  if (clientToken.length === 0 || clientToken.length > MAX_CLIENT_TOKEN_LENGTH || !isPrintableAscii(clientToken)) {
    throw new RangeError(`A client token is 1 to ${MAX_CLIENT_TOKEN_LENGTH} printable ASCII characters`);
  }
  const userDataBytes = Buffer.byteLength(plan.userData);
  if (userDataBytes > MAX_USER_DATA_BYTES) {
    throw new RangeError(`User data of ${userDataBytes} bytes is over EC2's ${MAX_USER_DATA_BYTES}`);
  }
  return {
    clientToken,
    imageId: plan.imageId,
    instanceType: plan.offering.instanceType,
    subnetId: plan.offering.subnetId,
    market: { ...plan.offering.market },
    securityGroupIds: [...plan.securityGroupIds],
    instanceProfile: plan.instanceProfile ?? null,
    userData: plan.userData,
    tags: buildLaunchTags(plan),
    minCount: 1,
    maxCount: plan.relays.length,
  };
}

function isPrintableAscii(text: string): boolean {
  return /^[\x21-\x7e]*$/.test(text);
}
