import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface StubCall {
  action: string;
  params: URLSearchParams;
}

/** `cut`: the connection ends without an answer. `hang`: no answer, the connection stays. `stall`: half an answer. */
export type StubAnswer = { status: number; body: string } | 'cut' | 'hang' | 'stall';
type Answerer = StubAnswer | ((call: StubCall) => StubAnswer | Promise<StubAnswer>);

/** An HTTP endpoint that answers the EC2 Query protocol with what a test tells it, and remembers what it was asked. */
export interface StubEc2 {
  endpoint: string;
  calls: StubCall[];
  connections: () => number;
  /** Resolves once it has been asked so often. */
  called(count: number): Promise<void>;
  /** Queues answers; the last one stays for all calls that follow. */
  answer(...answers: Answerer[]): void;
  close(): Promise<void>;
}

export async function startStubEc2(): Promise<StubEc2> {
  const calls: StubCall[] = [];
  let answers: Answerer[] = [];
  let connections = 0;
  let arrived = () => {};

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const params = new URLSearchParams(await text(request));
    const call = { action: params.get('Action') ?? '', params };
    calls.push(call);
    arrived();
    const next = (answers.length > 1 ? answers.shift() : answers[0]) ?? 'cut';
    const answer = typeof next === 'function' ? await next(call) : next;
    if (answer === 'hang') return;
    if (answer === 'cut') {
      response.destroy();
      return;
    }
    if (answer === 'stall') {
      response.writeHead(200, { 'content-type': 'text/xml' });
      response.write('<RunInstancesResponse>');
      return;
    }
    response.writeHead(answer.status, { 'content-type': 'text/xml', 'x-amzn-requestid': `req-${calls.length}` });
    response.end(answer.body);
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  server.on('connection', () => {
    connections += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    connections: () => connections,
    async called(count) {
      while (calls.length < count) {
        await new Promise<void>((resolve) => {
          arrived = resolve;
        });
      }
    },
    answer: (...list) => {
      answers = list;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export function refusal(status: number, code: string, message = 'because'): StubAnswer {
  return {
    status,
    body: `<?xml version="1.0" encoding="UTF-8"?>
<Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors><RequestID>r-1</RequestID></Response>`,
  };
}

export function answerXml(action: string, inner: string): StubAnswer {
  return {
    status: 200,
    body: `<?xml version="1.0" encoding="UTF-8"?>
<${action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r-1</requestId>${inner}</${action}Response>`,
  };
}

export interface StubInstance {
  id: string;
  index?: number;
  state?: string;
  address?: string;
  reason?: string;
  tags?: Readonly<Record<string, string>>;
  spot?: boolean;
}

export function instanceXml(instance: StubInstance): string {
  const tags = Object.entries(instance.tags ?? {})
    .map(([key, value]) => `<item><key>${key}</key><value>${value}</value></item>`)
    .join('');
  return `<item><instanceId>${instance.id}</instanceId>
<instanceState><code>0</code><name>${instance.state ?? 'pending'}</name></instanceState>
${instance.address === undefined ? '' : `<ipAddress>${instance.address}</ipAddress>`}
${instance.reason === undefined ? '' : `<stateReason><code>${instance.reason}</code><message>x</message></stateReason>`}
${instance.spot ? '<instanceLifecycle>spot</instanceLifecycle>' : ''}
<amiLaunchIndex>${instance.index ?? 0}</amiLaunchIndex><instanceType>t3.micro</instanceType>
<launchTime>2026-01-02T03:04:05.000Z</launchTime><tagSet>${tags}</tagSet></item>`;
}

export function launched(...instances: StubInstance[]): StubAnswer {
  return answerXml('RunInstances', `<instancesSet>${instances.map(instanceXml).join('')}</instancesSet>`);
}

export function described(instances: readonly StubInstance[], nextToken?: string): StubAnswer {
  const reservation = `<item><reservationId>r-0</reservationId><instancesSet>${instances.map(instanceXml).join('')}</instancesSet></item>`;
  const token = nextToken === undefined ? '' : `<nextToken>${nextToken}</nextToken>`;
  return answerXml('DescribeInstances', `<reservationSet>${reservation}</reservationSet>${token}`);
}

export function terminated(...changes: { id: string; from: string; to?: string }[]): StubAnswer {
  const items = changes.map(
    ({ id, from, to = 'shutting-down' }) => `<item><instanceId>${id}</instanceId>
<previousState><code>0</code><name>${from}</name></previousState><currentState><code>0</code><name>${to}</name></currentState></item>`,
  );
  return answerXml('TerminateInstances', `<instancesSet>${items.join('')}</instancesSet>`);
}

/** Values of a flattened list parameter: `values(params, 'InstanceId')` reads InstanceId.1, InstanceId.2 … */
export function values(params: URLSearchParams, prefix: string): string[] {
  const found: string[] = [];
  for (let i = 1; params.has(`${prefix}.${i}`); i += 1) found.push(params.get(`${prefix}.${i}`) ?? '');
  return found;
}
