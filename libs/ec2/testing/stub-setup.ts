import { afterEach, beforeEach, jest } from '@jest/globals';
import type { CloudProvider } from '../src/cloud-provider.js';
import { createEc2Provider, type Ec2ProviderOptions } from '../src/ec2-provider.js';
import { buildLaunchRequest, type LaunchRequest } from '../src/launch-request.js';
import { RecordingObserver } from './recording-observer.js';
import { type StubEc2, startStubEc2 } from './stub-ec2.js';

export const REGION = 'eu-west-1';

export interface Bench {
  readonly stub: StubEc2;
  readonly observer: RecordingObserver;
  provider(options?: Partial<Ec2ProviderOptions>): CloudProvider;
}

/** A fresh endpoint, observer and provider for each test of the calling file, all closed after it. */
export function useStubEc2(): Bench {
  let stub: StubEc2 | undefined;
  let observer = new RecordingObserver();
  const providers: CloudProvider[] = [];
  beforeEach(async () => {
    // The SDK multiplies its waits between attempts with this: no waits.
    jest.spyOn(Math, 'random').mockReturnValue(0);
    stub = await startStubEc2();
    observer = new RecordingObserver();
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    for (const provider of providers.splice(0)) provider.close();
    await stub?.close();
  });
  return {
    get stub() {
      if (stub === undefined) throw new Error('only inside a test');
      return stub;
    },
    get observer() {
      return observer;
    },
    provider(options = {}) {
      const provider = createEc2Provider({
        regions: [REGION],
        endpoint: this.stub.endpoint,
        credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'test' },
        observer,
        ...options,
      });
      providers.push(provider);
      return provider;
    },
  };
}

export function launchRequest(relays = 1, overrides: Partial<LaunchRequest> = {}): LaunchRequest {
  return {
    ...buildLaunchRequest({
      deploymentId: 'test',
      intentId: 'int_euw1_0000000000000001',
      relays: Array.from({ length: relays }, (_, i) => ({
        id: `rly_euw1_${String(i).padStart(16, '0')}`,
        tenant: 'acme',
      })),
      offering: { instanceType: 't3.micro', subnetId: 'subnet-1', market: { type: 'on_demand' } },
      imageId: 'ami-1',
      securityGroupIds: ['sg-1', 'sg-2'],
      userData: '#cloud-config\n{}\n',
    }),
    ...overrides,
  };
}
