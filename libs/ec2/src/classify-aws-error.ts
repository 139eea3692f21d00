import type { AwsFailure, AwsFailureKind } from './aws-failure.js';

/**
 * The only place that knows AWS's, Node's and the SDK's error codes. Sources: "Error codes for the Amazon EC2 API",
 * "Common errors" of the API reference, and the SDK's own lists in @smithy/core/retry.
 */
const CODES: Partial<Record<AwsFailureKind, readonly string[]>> = {
  throttled: [
    'RequestLimitExceeded',
    'Throttling',
    'ThrottlingException',
    'ThrottledException',
    'RequestThrottled',
    'RequestThrottledException',
    'EC2ThrottledException',
    'TooManyRequestsException',
    'SlowDown',
    'BandwidthLimitExceeded',
  ],
  capacity: [
    'InsufficientInstanceCapacity',
    'InsufficientHostCapacity',
    'InsufficientReservedInstanceCapacity',
    'InsufficientCapacity',
    'InsufficientAddressCapacity',
    'InsufficientVolumeCapacity',
    'InsufficientFreeAddressesInSubnet',
    'UnfulfillableCapacity',
    'Unsupported',
    'MaxSpotInstanceCountExceeded',
    'SpotMaxPriceTooLow',
  ],
  quota: [
    'InstanceLimitExceeded',
    'VcpuLimitExceeded',
    'AddressLimitExceeded',
    'VolumeLimitExceeded',
    'MaxIOPSLimitExceeded',
    'NetworkInterfaceLimitExceeded',
    'ResourceLimitExceeded',
  ],
  server: ['InternalError', 'InternalFailure', 'InternalServerError', 'Unavailable', 'ServiceUnavailable'],
  timeout: ['TimeoutError', 'AbortError', 'RequestTimeout', 'RequestTimeoutException', 'ETIMEDOUT', 'ESOCKETTIMEDOUT'],
  connection: [
    'ECONNRESET',
    'ECONNREFUSED',
    'ECONNABORTED',
    'EPIPE',
    'ENOTFOUND',
    'EAI_AGAIN',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'EADDRNOTAVAIL',
    'ERR_STREAM_PREMATURE_CLOSE',
    'HPE_INVALID_CONSTANT',
  ],
  credentials: [
    'AuthFailure',
    'UnrecognizedClientException',
    'ExpiredToken',
    'ExpiredTokenException',
    'RequestExpired',
    'InvalidClientTokenId',
    'InvalidAccessKeyId',
    'SignatureDoesNotMatch',
    'InvalidSignatureException',
    'IncompleteSignature',
    'MissingAuthenticationToken',
    'InvalidToken',
    'OptInRequired',
    'Blocked',
    'CredentialsProviderError',
    'TokenProviderError',
    'ProviderError',
  ],
  unauthorized: ['UnauthorizedOperation', 'AccessDenied', 'AccessDeniedException'],
  not_found: ['InvalidInstanceID.NotFound', 'InvalidInstanceID'],
  not_permitted: ['OperationNotPermitted'],
  idempotent_mismatch: ['IdempotentParameterMismatch'],
  idempotent_terminated: ['IdempotentInstanceTerminated'],
};

const KIND_BY_CODE = new Map<string, AwsFailureKind>(
  Object.entries(CODES).flatMap(([kind, codes]) => codes.map((code) => [code, kind as AwsFailureKind] as const)),
);

/** The connection was never made, so nothing was asked of AWS. */
const NEVER_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
]);

/**
 * A terminate over several zones that meets a protected instance is refused and yet ends the instances of other zones,
 * so of all refusals this one proves nothing (API reference, TerminateInstances).
 */
const MAY_HAVE_HAD_AN_EFFECT: ReadonlySet<AwsFailureKind> = new Set([
  'server',
  'timeout',
  'connection',
  'not_permitted',
  'unknown',
]);

const INSTANCE_IDS = /\bi-[0-9a-f]{8,17}\b/g;

/** Translates whatever a call through the SDK threw. Looks at one error, so `outcome` speaks of one attempt. */
export function classifyAwsError(error: unknown): AwsFailure {
  const facts = readError(error);
  const kind = kindOf(facts);
  return {
    kind,
    code: facts.codes[0] ?? 'Unknown',
    message: facts.message,
    instanceIds: [...new Set(facts.message.match(INSTANCE_IDS))],
    requestId: facts.requestId,
    outcome: MAY_HAVE_HAD_AN_EFFECT.has(kind) && !facts.neverConnected ? 'unknown' : 'nothing_happened',
  };
}

/** Where the SDK, Node and EC2 put what they know; nothing of it is certain to be there. */
interface ErrorFields {
  Code?: unknown;
  code?: unknown;
  name?: unknown;
  message?: unknown;
  syscall?: unknown;
  RequestId?: unknown;
  $metadata?: unknown;
  $response?: unknown;
}

interface ErrorFacts {
  /** Most telling first. */
  codes: string[];
  message: string;
  httpStatus: number | null;
  requestId: string | null;
  neverConnected: boolean;
}

function kindOf({ codes, httpStatus, message }: ErrorFacts): AwsFailureKind {
  for (const code of codes) {
    const kind = KIND_BY_CODE.get(code);
    if (kind !== undefined) return kind;
    // CreateTags answers InvalidID for an instance that does not exist.
    if (code === 'InvalidID' && message.search(INSTANCE_IDS) >= 0) return 'not_found';
  }
  if (httpStatus === 429) return 'throttled';
  if (httpStatus !== null && httpStatus >= 500) return 'server';
  if (httpStatus !== null && httpStatus >= 400) return 'rejected';
  if (message.includes('socket hang up')) return 'connection';
  return 'unknown';
}

function readError(error: unknown): ErrorFacts {
  if (typeof error !== 'object' || error === null) {
    return { codes: [], message: String(error), httpStatus: null, requestId: null, neverConnected: false };
  }
  const fields: ErrorFields = error;
  const metadata: { httpStatusCode?: unknown; requestId?: unknown } = record(fields.$metadata);
  const response: { statusCode?: unknown } = record(fields.$response);
  const message = text(fields.message) ?? '';
  const httpStatus = number(metadata.httpStatusCode) ?? number(response.statusCode);
  return {
    codes: codesOf(fields, httpStatus),
    message,
    httpStatus,
    requestId: text(metadata.requestId) ?? text(fields.RequestId),
    neverConnected: isNeverConnected(fields, message),
  };
}

/** What Node and the SDK write where they know no code: for the latter, an answer without EC2's XML. */
const NO_CODES = new Set(['Error', 'Unknown', 'UnknownError']);

/**
 * The SDK puts EC2's code into `name` and `Code`, Node its own into `code`, and renames some socket errors to
 * `TimeoutError`, in which case Node's code says more.
 */
function codesOf(fields: ErrorFields, httpStatus: number | null): string[] {
  const candidates = [text(fields.Code), text(fields.code), text(fields.name)];
  const codes = candidates.filter((code): code is string => code !== null && !NO_CODES.has(code));
  return codes.length === 0 && httpStatus !== null ? [`HTTP ${httpStatus}`] : codes;
}

function isNeverConnected(fields: ErrorFields, message: string): boolean {
  if (NEVER_CONNECTED.has(text(fields.code) ?? '')) return true;
  if (fields.syscall === 'connect') return true;
  // The SDK gives its connection time-out the same name as its request time-out.
  return fields.name === 'TimeoutError' && message.includes('did not establish a connection');
}

function record(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function number(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
