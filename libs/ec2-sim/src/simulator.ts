import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { AgentFleet } from './agent/agent-fleet.js';
import { ControlEndpoint } from './control/control-endpoint.js';
import { controlRoutes } from './control/control-routes.js';
import { Ec2Endpoint } from './http/ec2-endpoint.js';
import type { CatalogueOptions } from './state/catalogue.js';
import { type Clock, systemClock } from './state/clock.js';
import { Cloud } from './state/cloud.js';
import { Journal } from './state/journal.js';
import type { Instance } from './state/model.js';
import { DEFAULT_REGIONS, DEFAULT_SETTINGS, type Settings } from './state/settings.js';

export interface Ec2SimulatorOptions {
  /** Default 127.0.0.1. */
  host?: string;
  /** Default 0: any free port. */
  port?: number;
  /** Default: the regions every AWS account has. */
  regions?: readonly string[];
  settings?: Partial<Settings>;
  /** The images, subnets and groups of every region. */
  catalogue?: CatalogueOptions;
  /** Where the cloud is kept between runs; absent: nowhere. */
  stateFile?: string;
  clock?: Clock;
  random?: () => number;
}

export interface Ec2Simulator {
  /** For AWS_ENDPOINT_URL_EC2 and for `createSimControl`. */
  readonly url: string;
  readonly port: number;
  /** Closes every connection, ends the agents without a word, and saves the state. */
  stop(): Promise<void>;
}

const CONTROL_PATH = '/_sim/';

export async function startEc2Simulator(options: Ec2SimulatorOptions = {}): Promise<Ec2Simulator> {
  const settings = { ...DEFAULT_SETTINGS, ...options.settings };
  const random = options.random ?? Math.random;
  const cloud = new Cloud({
    clock: options.clock ?? systemClock,
    random,
    settings,
    regions: options.regions ?? DEFAULT_REGIONS,
    catalogue: options.catalogue ?? {},
  });
  const journal = options.stateFile === undefined ? undefined : new Journal(options.stateFile);
  const fleet = new AgentFleet(cloud, {
    random,
    remember: (instance: Instance) => journal?.changed(instance),
  });
  const ec2 = new Ec2Endpoint(cloud);
  const control = new ControlEndpoint(
    controlRoutes({
      cloud,
      fleet,
      releaseCalls: () => ec2.release(),
      async reset() {
        fleet.clear();
        cloud.clear();
        ec2.release();
        Object.assign(cloud.settings, settings);
        await journal?.snapshot(cloud);
      },
    }),
  );
  // The port is taken before the state file is touched, so that a second simulator cannot damage it; callers that come
  // in between wait for the saved cloud.
  let loaded: Promise<void> = Promise.resolve();
  const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
    const endpoint = request.url?.startsWith(CONTROL_PATH) === true ? control : ec2;
    loaded.then(() => endpoint.handle(request, response)).catch(() => response.destroy());
  });
  const port = await listen(server, options.host ?? '127.0.0.1', options.port ?? 0);
  cloud.observe(fleet);
  if (journal !== undefined) loaded = resume(cloud, fleet, journal);
  try {
    await loaded;
  } catch (error) {
    server.close();
    throw error;
  }
  let stopped: Promise<void> | undefined;
  async function stop(): Promise<void> {
    fleet.stop();
    cloud.scheduler.stop();
    ec2.release();
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
    await journal?.snapshot(cloud);
  }
  return {
    url: `http://${options.host ?? '127.0.0.1'}:${port}`,
    port,
    stop() {
      stopped ??= stop();
      return stopped;
    },
  };
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the simulator listens on no TCP port');
  return address.port;
}

/** Puts the saved cloud back; its running instances' agents take up their talk where they left off. */
async function resume(cloud: Cloud, fleet: AgentFleet, journal: Journal): Promise<void> {
  const saved = await journal.load();
  for (const record of saved.ledger) cloud.ledger.restore(record);
  for (const launch of saved.launches) cloud.restore(launch);
  cloud.observe(journal);
  await journal.snapshot(cloud);
  for (const launch of saved.launches) {
    for (const instance of launch.instances) if (instance.state === 'running') fleet.boot(instance, 0);
  }
}
