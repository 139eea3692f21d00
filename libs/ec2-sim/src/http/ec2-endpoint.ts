import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { OPERATIONS } from '../operations/operations.js';
import { authFailure, regionOfAuthorization } from '../protocol/credential-scope.js';
import { Ec2Error, missingParameter } from '../protocol/ec2-error.js';
import { COMMON_PARAMETERS, type Operation, type OperationResult } from '../protocol/operation.js';
import { parseQuery, type QueryParams } from '../protocol/query-params.js';
import { errorXml, responseXml } from '../protocol/xml.js';
import type { Cloud } from '../state/cloud.js';
import type { Fault } from '../state/faults.js';
import { newRequestId } from '../state/random-id.js';
import type { Region } from '../state/region.js';
import { BodyTooLarge, readBody } from './read-body.js';

const API_VERSION = '2016-11-15';
const MAX_BODY_BYTES = 1024 * 1024;

interface Call {
  arrivedAt: number;
  requestId: string;
  invocationId: string | null;
  region: Region;
  name: string;
  operation: Operation;
  params: QueryParams;
  fingerprint: string;
}

/** What a call comes to: the wire's part and the call log's. */
interface Outcome {
  label: string;
  httpStatus: number;
  xml: Iterable<string>;
  instances: number;
}

/** The time by the wall clock with a fraction of a millisecond, whatever clock drives the simulation. */
function preciseNow(): number {
  return performance.timeOrigin + performance.now();
}

/** Answers EC2 Query requests: throttle, then injected faults, then the operation itself. */
export class Ec2Endpoint {
  readonly #cloud: Cloud;
  readonly #hanging = new Set<ServerResponse>();
  readonly #delayed = new Set<() => void>();

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const arrivedAt = preciseNow();
    const requestId = newRequestId();
    let call: Call;
    try {
      call = await this.#read(request, arrivedAt, requestId);
    } catch (error) {
      if (error instanceof BodyTooLarge) response.setHeader('connection', 'close');
      const problem = error instanceof BodyTooLarge ? new Ec2Error('RequestEntityTooLarge', error.message, 413) : error;
      if (!(problem instanceof Ec2Error)) throw problem;
      await send(response, requestId, failure(problem, requestId));
      return;
    }
    await this.#serve(call, response);
  }

  /** Cuts every connection held by a hang, and lets delayed calls go on. */
  release(): void {
    for (const response of this.#hanging) response.socket?.destroy();
    this.#hanging.clear();
    for (const proceed of [...this.#delayed]) proceed();
  }

  async #read(request: IncomingMessage, arrivedAt: number, requestId: string): Promise<Call> {
    const body = request.method === 'GET' ? (request.url ?? '').split('?')[1] : await readBody(request, MAX_BODY_BYTES);
    const form = new URLSearchParams(body ?? '');
    const params = parseQuery(form);
    const region = this.#cloud.region(regionOfAuthorization(request.headers.authorization));
    // An account that may not use a region gets this from it, as does one with bad credentials.
    if (region === undefined) throw authFailure();
    const name = params.string('Action');
    if (name === undefined) throw missingParameter('Action');
    const operation = OPERATIONS.get(name);
    if (operation === undefined) {
      throw new Ec2Error('InvalidAction', `The action ${name} is not valid for this web service.`);
    }
    if (params.string('Version') !== API_VERSION) {
      throw new Ec2Error(
        'NoSuchVersion',
        `The requested version (${params.string('Version') ?? ''}) of service AmazonEC2 does not exist`,
      );
    }
    const invocationId = request.headers['amz-sdk-invocation-id']?.toString() ?? null;
    return { arrivedAt, requestId, invocationId, region, name, operation, params, fingerprint: fingerprintOf(form) };
  }

  async #serve(call: Call, response: ServerResponse): Promise<void> {
    if (!this.#admitted(call)) {
      const error = new Ec2Error('RequestLimitExceeded', 'Request limit exceeded.');
      await this.#answer(call, response, failure(error, call.requestId));
      return;
    }
    const fault = this.#cloud.faults.take(call.name, call.region.name);
    if (fault === undefined) await this.#answer(call, response, this.#run(call));
    else await this.#strike(call, fault, response);
  }

  #admitted(call: Call): boolean {
    if (!this.#cloud.settings.throttle) return true;
    const unfiltered = !call.params.names().some((name) => name !== 'Action' && name !== 'Version');
    const instances = call.operation.instancesAsked?.(call.params) ?? 0;
    return this.#cloud.throttle.admit(
      { region: call.region.name, operation: call.name, unfiltered, instances },
      this.#cloud.now(),
    );
  }

  #run(call: Call): Outcome {
    const { region, params, fingerprint, requestId } = call;
    try {
      refuseUnknownParameters(call);
      const result: OperationResult = call.operation.run({ cloud: this.#cloud, region, params, fingerprint });
      const xml = responseXml(call.name, requestId, result.body);
      return { label: 'ok', httpStatus: 200, xml, instances: result.instances };
    } catch (error) {
      if (!(error instanceof Ec2Error)) throw error;
      return failure(error, requestId);
    }
  }

  async #strike(call: Call, fault: Fault, response: ServerResponse): Promise<void> {
    const { kind } = fault;
    const done = fault.effect === 'done' ? asItIsNow(this.#run(call)) : undefined;
    const when = done?.label === 'ok' ? 'after' : 'before';
    switch (kind.type) {
      case 'latency':
        await this.#delay(kind.ms);
        await this.#answer(call, response, done ?? this.#run(call));
        return;
      case 'hang':
        this.#log(call, `hang_${when}`, done?.instances ?? 0);
        this.#hanging.add(response);
        response.once('close', () => this.#hanging.delete(response));
        return;
      case 'cut':
        this.#log(call, `cut_${when}`, done?.instances ?? 0);
        response.socket?.resetAndDestroy();
        return;
      case 'http':
        this.#log(call, `http_${kind.status}`, done?.instances ?? 0);
        response.writeHead(kind.status, { 'content-type': 'text/html' }).end('<html><body>injected</body></html>');
        return;
      case 'auth':
        await this.#answer(call, response, failure(authFailure(), call.requestId));
        return;
      case 'error': {
        const error = new Ec2Error(kind.code, kind.message ?? `Injected ${kind.code}`, kind.httpStatus);
        await this.#answer(call, response, failure(error, call.requestId));
        return;
      }
      default:
        kind satisfies never;
    }
  }

  /** In real time: it is the caller's patience that is tried. */
  #delay(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const proceed = () => {
        clearTimeout(timer);
        this.#delayed.delete(proceed);
        resolve();
      };
      const timer = setTimeout(proceed, ms);
      this.#delayed.add(proceed);
    });
  }

  async #answer(call: Call, response: ServerResponse, outcome: Outcome): Promise<void> {
    this.#log(call, outcome.label, outcome.instances);
    await send(response, call.requestId, outcome);
  }

  #log(call: Call, outcome: string, instances: number): void {
    this.#cloud.calls.append({
      at: call.arrivedAt,
      durationMs: preciseNow() - call.arrivedAt,
      region: call.region.name,
      operation: call.name,
      outcome,
      requestId: call.requestId,
      invocationId: call.invocationId,
      clientToken: call.params.string('ClientToken') ?? null,
      instances,
    });
  }
}

/** An answer that comes late says what was true when it was made. */
function asItIsNow(outcome: Outcome): Outcome {
  return { ...outcome, xml: [...outcome.xml] };
}

function refuseUnknownParameters(call: Call): void {
  for (const name of call.params.names()) {
    if (!COMMON_PARAMETERS.has(name) && !call.operation.parameters.has(name)) {
      throw new Ec2Error('UnknownParameter', `The parameter ${name} is not recognized`);
    }
  }
}

function fingerprintOf(form: URLSearchParams): string {
  const counted = [...form].filter(([name]) => !COMMON_PARAMETERS.has(name) && name !== 'ClientToken');
  const sorted = counted.sort(([a], [b]) => (a < b ? -1 : Number(a > b)));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('base64url');
}

function failure(error: Ec2Error, requestId: string): Outcome {
  return { label: error.code, httpStatus: error.httpStatus, xml: errorXml(error, requestId), instances: 0 };
}

/** Piece by piece, so that a page of a thousand instances keeps no other call waiting; EC2 sends long answers so too. */
async function send(response: ServerResponse, requestId: string, outcome: Outcome): Promise<void> {
  if (response.destroyed) return;
  response.statusCode = outcome.httpStatus;
  response.setHeader('content-type', 'text/xml;charset=UTF-8');
  response.setHeader('x-amzn-requestid', requestId);
  let last: string | undefined;
  for (const piece of outcome.xml) {
    if (last !== undefined) {
      response.write(last);
      await nextTurn();
      if (response.destroyed) return;
    }
    last = piece;
  }
  response.end(last);
}
