import { EC2Client, type EC2ServiceException, type RunInstancesCommandInput } from '@aws-sdk/client-ec2';
import { createSimControl, type SimControl } from '../control/sim-control.js';
import { type Ec2Simulator, type Ec2SimulatorOptions, startEc2Simulator } from '../simulator.js';
import { DEFAULT_IMAGE_IDS } from '../state/catalogue.js';
import { ManualClock } from '../state/manual-clock.js';

/** A simulator on a clock of its own, the real SDK's clients for it, and its control. */
export interface TestCloud {
  sim: Ec2Simulator;
  clock: ManualClock;
  control: SimControl;
  /** A client that never retries, so that every answer is seen. */
  ec2(region?: string): EC2Client;
  stop(): Promise<void>;
}

export async function startTestCloud(options: Ec2SimulatorOptions = {}): Promise<TestCloud> {
  const clock = new ManualClock();
  const sim = await startEc2Simulator({ clock, ...options });
  const clients: EC2Client[] = [];
  return {
    sim,
    clock,
    control: createSimControl(sim.url),
    ec2(region = 'us-east-1') {
      const client = new EC2Client({
        region,
        endpoint: sim.url,
        credentials: { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'example' },
        maxAttempts: 1,
      });
      clients.push(client);
      return client;
    },
    async stop() {
      for (const client of clients) client.destroy();
      await sim.stop();
    },
  };
}

/** A RunInstances request with everything it must have. */
export function launchInput(overrides: Partial<RunInstancesCommandInput> = {}): RunInstancesCommandInput {
  return { ImageId: DEFAULT_IMAGE_IDS[0], InstanceType: 't3.micro', MinCount: 1, MaxCount: 1, ...overrides };
}

/** The error a call ends with; throws when it succeeds. */
export async function failureOf(call: Promise<unknown>): Promise<EC2ServiceException> {
  let failure: unknown;
  try {
    await call;
  } catch (error) {
    failure = error;
  }
  if (failure === undefined) throw new Error('the call did not fail');
  return failure as EC2ServiceException;
}
