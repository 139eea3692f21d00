// The agent that relays run, taken from the user data that instances are launched with: the very script, under the shells of
// Debian and Amazon Linux, against the real api. Only the machine around it is made up: metadata, shutdown, systemctl, docker.

import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { issueSessionSecret } from '@aegis/relays';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { findProgram } from '../../src/monitoring.js';
import { waitFor } from '../../src/wait-for.js';
import type { RelayAnswer } from '../relay-client.js';
import { startTroubleStack, type TroubleStack } from '../trouble-stack.js';
import { type CloudConfig, contentOf, fileOf, readCloudConfig } from './cloud-config.js';
import { type MetadataService, startMetadataService } from './metadata-service.js';
import { type NetworkPath, openNetworkPath } from './network-path.js';
import { createRelayMachine, type MachineOptions, type RelayMachine } from './relay-machine.js';

const SECRET = 'the secret of this very test and of no other deployment';
const PLAIN = 'us-east-1';
const WITH_CONTAINER = 'eu-west-1';
/** In CI a missing program fails the test rather than skipping it. */
const whenInstalled = (program: string) => (process.env.CI || findProgram(program) !== null ? test : test.skip);
/** Of what comes within a second on an idle machine. */
const SOON_MS = 30_000;
const SHORT_SILENCE = { silenceLimitSeconds: 8 };

const region = (name: string, more: object = {}) => ({
  name,
  imageId: 'resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64',
  instanceTypes: ['t3.micro'],
  subnetIds: ['subnet-0123456789abcdef0'],
  securityGroupIds: ['sg-0123456789abcdef0'],
  ...more,
});
const container = {
  image: 'registry.example.com/relay:1.4',
  ports: ['443', '127.0.0.1:53:5353/udp'],
  env: ['MODE=exit', 'GREETING=hello "world" $HOME'],
  options: ['--cap-add=NET_ADMIN', '--label=of=two words'],
};

/** A relay whose instance runs, with the network and the machine of its agent. */
interface Scene {
  relay: RelayAnswer;
  instanceId: string;
  path: NetworkPath;
  metadata: MetadataService;
  machine: RelayMachine;
}

let trouble: TroubleStack;
const scenes: Scene[] = [];

async function scene(
  options: Partial<MachineOptions> & { region?: string; leaseSeconds?: number } = {},
): Promise<Scene> {
  const { settings, region: name = PLAIN, leaseSeconds = 600, ...machineOptions } = options;
  const created = await trouble.relays.create({ region: name, leaseSeconds });
  const relay = await trouble.relays.becomes(created.id, 'booting', SOON_MS);
  const instanceId = relay.instanceId ?? '';
  const { userData } = await trouble.sim.instance(instanceId);
  const path = await openNetworkPath(trouble.stack.apiUrl);
  const metadata = await startMetadataService(instanceId);
  const machine = await createRelayMachine({
    userData: readCloudConfig(userData ?? ''),
    metadataUrl: metadata.url,
    settings: { controlPlaneUrl: path.url, ...settings },
    ...machineOptions,
  });
  const set = { relay, instanceId, path, metadata, machine };
  scenes.push(set);
  return set;
}

const prints = (machine: RelayMachine, text: string | RegExp) =>
  waitFor(`the agent says ${text}; it said: ${machine.output()}`, SOON_MS, async () =>
    typeof text === 'string' ? machine.output().includes(text) : text.test(machine.output()),
  );
const beats = ({ path, relay }: Scene) =>
  path.answered.filter((line) => line === `POST /api/v1/relays/${relay.id}/heartbeat 200`).length;
const beatsAgain = async (set: Scene, times = 1) => {
  const before = beats(set);
  await waitFor(`${times} more heartbeats`, SOON_MS, async () => beats(set) >= before + times);
};
const SHUTDOWN = ['shutdown -P now'];

async function livesAsLongAsItsRelay(shell: string): Promise<void> {
  const set = await scene({ shell });
  const { child, ended } = set.machine.start('run');
  await trouble.relays.becomes(set.relay.id, 'active', SOON_MS);
  await beatsAgain(set, 2);
  expect(set.path.answered.filter((line) => line === 'POST /api/v1/checkins 200')).toHaveLength(1);
  expect(await set.machine.calls()).toEqual([]);
  await trouble.relays.remove(set.relay.id);
  expect(await ended).toBe(0);
  expect(child.exitCode).toBe(0);
  expect(set.machine.output()).toContain('shutting down: the control plane says that the relay has ended');
  expect(await set.machine.calls()).toEqual(SHUTDOWN);
}

async function bridgesTheLossOfItsNetwork(): Promise<void> {
  const set = await scene();
  set.path.state = 'cut';
  set.machine.start('run');
  await prints(set.machine, 'check-in not answered yet (status 000)');
  set.path.state = 'portal';
  await waitFor('a check-in that a portal answers', SOON_MS, async () => set.path.misled > 0);
  set.path.state = 'open';
  await prints(set.machine, `checked in as ${set.relay.id}`);
  set.path.state = 'cut';
  await prints(set.machine, /heartbeat not answered \(status 000\); the machine ends in \d+ s: control plane silent/);
  set.path.state = 'portal';
  const before = set.path.misled;
  await waitFor('heartbeats that a portal answers', SOON_MS, async () => set.path.misled >= before + 2);
  set.path.state = 'open';
  await prints(set.machine, 'heartbeats are answered');
  expect(await set.machine.calls()).toEqual([]);
}

async function endsWithAWrongLaunchToken(): Promise<void> {
  const set = await scene({ settings: { launchToken: 'lt_0000000000000000_nobody' } });
  const { ended } = set.machine.start('run');
  expect(await ended).toBe(0);
  expect(set.path.answered).toEqual(Array(5).fill('POST /api/v1/checkins 401'));
  expect(set.machine.output()).toContain('shutting down: the launch token is not valid');
  expect(await set.machine.calls()).toEqual(SHUTDOWN);
}

async function endsInSilence(): Promise<void> {
  const set = await scene({ settings: SHORT_SILENCE });
  const { ended } = set.machine.start('run');
  await beatsAgain(set, 2);
  const silentSince = Date.now();
  set.path.state = 'cut';
  expect(await ended).toBe(0);
  // The last answer may lie a heartbeat back, and the clock counts whole seconds.
  expect(Date.now() - silentSince).toBeGreaterThan(5_000);
  expect(set.machine.output()).toContain('shutting down: control plane silent');
  expect(await set.machine.calls()).toEqual(SHUTDOWN);
}

async function endsWithoutMetadata(): Promise<void> {
  const set = await scene({ settings: SHORT_SILENCE });
  await set.metadata.stop();
  const { ended } = set.machine.start('run');
  expect(await ended).toBe(0);
  expect(set.machine.output()).toContain('instance metadata does not tell the instance id');
  expect(set.path.answered).toEqual([]);
  expect(await set.machine.calls()).toEqual(SHUTDOWN);
}

async function endsWithItsLease(): Promise<void> {
  const set = await scene({ leaseSeconds: 10, env: { AEGIS_LEASE_GRACE_SECONDS: '1' } });
  const { ended } = set.machine.start('run');
  await prints(set.machine, 'checked in as');
  set.path.state = 'cut';
  expect(await ended).toBe(0);
  expect(Date.now()).toBeGreaterThan(Date.parse(set.relay.leaseExpiresAt) - 1_000);
  expect(set.machine.output()).toContain('shutting down: lease ended');
  expect(await set.machine.calls()).toEqual(SHUTDOWN);
}

/** A timer runs it, so here it is run again and again. */
async function endsByTheTimerWhenTheAgentWasKilled(): Promise<void> {
  const set = await scene({ settings: SHORT_SILENCE, env: { AEGIS_SHUTDOWN_PATIENCE_SECONDS: '1' } });
  const { child, ended } = set.machine.start('run');
  await beatsAgain(set);
  expect(await set.machine.start('dead-man').ended).toBe(0);
  expect(await set.machine.calls()).toEqual([]);
  child.kill('SIGKILL');
  expect(await ended).toBeNull();
  const seen = await waitFor('a shutdown, then force', SOON_MS, async () => {
    await set.machine.start('dead-man').ended;
    const calls = await set.machine.calls();
    return calls.includes('systemctl poweroff --force --force') && calls;
  });
  expect(seen[0]).toBe('shutdown -P now');
  expect(set.machine.output()).toContain('shutting down: control plane silent');
}

async function betraysNothing(): Promise<void> {
  const set = await scene({ watched: true });
  const { ended } = set.machine.start('run');
  await beatsAgain(set, 2);
  await trouble.relays.remove(set.relay.id);
  await ended;
  const { userData } = await trouble.sim.instance(set.instanceId);
  const { launchToken } = JSON.parse(fileOf(readCloudConfig(userData ?? ''), '/etc/aegis/agent.json'));
  const secrets = { launchToken, session: issueSessionSecret(SECRET, set.relay.id, set.instanceId) };
  const traces = await set.machine.traces();
  // It was looked at: else the search would prove nothing.
  expect(traces).toMatch(/bin\/curl --disable/);
  expect(traces).toContain('RUNTIME_DIRECTORY=');
  for (const [name, secret] of Object.entries(secrets)) {
    expect(String(secret).length).toBeGreaterThan(30);
    const part = String(secret).slice(-20);
    expect([name, traces.includes(part), set.machine.output().includes(part)]).toEqual([name, false, false]);
  }
}

async function installsWhatIsMissing(): Promise<void> {
  const complete = await scene();
  expect(await complete.machine.start('prepare').ended).toBe(0);
  expect(await complete.machine.calls()).toEqual([]);
  const bare = await scene({ without: 'curl' });
  expect(await bare.machine.start('prepare').ended).toBe(0);
  expect((await bare.machine.calls()).at(-1)).toMatch(/^apt-get .*install curl$/);
}

async function speaksOnlyForAContainerThatRuns(): Promise<void> {
  const set = await scene({ region: WITH_CONTAINER, env: { AEGIS_CONTAINER_PATIENCE_SECONDS: '4' } });
  set.machine.start('run');
  await prints(set.machine, 'the container does not run: the control plane is told nothing');
  const engine = set.machine.start('container');
  await trouble.relays.becomes(set.relay.id, 'active', SOON_MS);
  const run = (await set.machine.calls()).find((call) => call.startsWith('docker run'));
  expect(run).toMatch(
    /^docker run --detach --name aegis-relay --log-driver journald --env-file \S+\/container\.env --publish=443:443 --publish=127\.0\.0\.1:53:5353\/udp --cap-add=NET_ADMIN --label=of=two words registry\.example\.com\/relay:1\.4$/,
  );
  await set.machine.setContainer(false);
  expect(await engine.ended).toBe(1);
  expect(set.machine.output()).toContain('the container ended with code 3');
  await waitFor('silence', SOON_MS, async () => set.machine.output().split('the container does not run').length === 3);
  const restarted = set.machine.start('container');
  await beatsAgain(set);
  restarted.child.kill('SIGTERM');
  expect(await restarted.ended).toBe(0);
  expect(await set.machine.calls()).toContain('docker stop --time 10 aegis-relay');
  expect(await set.machine.calls()).not.toContain('shutdown -P now');
}

const STORIES: readonly [string, () => Promise<void>][] = [
  [
    'checks in, sends heartbeats and ends its machine with its relay, under dash',
    () => livesAsLongAsItsRelay('/bin/dash'),
  ],
  ['the same under bash', () => livesAsLongAsItsRelay('/bin/bash')],
  ['bridges the loss of its network, and believes no portal', bridgesTheLossOfItsNetwork],
  ['ends its machine when its launch token was refused five times', endsWithAWrongLaunchToken],
  ['ends its machine when the control plane is silent past the limit', endsInSilence],
  ['ends its machine at that limit too when metadata does not answer', endsWithoutMetadata],
  ['ends its machine with its lease', endsWithItsLease],
  [
    'leaves a timer that ends the machine when the agent was killed, by force in the end',
    endsByTheTimerWhenTheAgentWasKilled,
  ],
  ['shows no secret in what it prints, in arguments, in environments and in what it keeps', betraysNothing],
  ['is given curl where the image lacks it', installsWhatIsMissing],
  ['speaks only for a container that runs', speaksOnlyForAContainerThatRuns],
];

/** From an instance that the api's relay really has. */
async function documentOf(name: string): Promise<CloudConfig> {
  const created = await trouble.relays.create({ region: name });
  const { instanceId } = await trouble.relays.becomes(created.id, 'booting', SOON_MS);
  return readCloudConfig((await trouble.sim.instance(instanceId ?? '')).userData ?? '');
}

/** They wait for most of their time, so they wait together. */
let told: Map<string, Promise<void>>;

beforeAll(async () => {
  trouble = await startTroubleStack({
    env: {
      AEGIS_SECRET: SECRET,
      AEGIS_REGIONS: JSON.stringify([region(PLAIN), region(WITH_CONTAINER, { container })]),
      AEGIS_RELAYS_HEARTBEAT_TIMEOUT_SECONDS: '60',
    },
    simEnv: { AEGIS_SIM_AGENTS: 'off' },
  });
  told = new Map(STORIES.map(([name, tell]) => [name, tell()]));
  await Promise.allSettled(told.values());
}, 120_000);

afterAll(async () => {
  for (const { machine, path, metadata } of scenes) await Promise.all([machine.close(), path.stop(), metadata.stop()]);
  await trouble?.stack.stop();
}, 60_000);

describe.each([PLAIN, WITH_CONTAINER])('the user data of a launch in %s', (name) => {
  test('is a document that cloud-init takes', async () => {
    const schema = JSON.parse(await readFile(new URL('cloud-config.schema.json', import.meta.url), 'utf8'));
    const validate = new Ajv({ strict: true, allErrors: true, allowUnionTypes: true }).compile(schema);
    validate(await documentOf(name));
    expect(validate.errors ?? []).toEqual([]);
  });

  test('installs every unit that it enables, and they run the installed script', async () => {
    const document = await documentOf(name);
    const start = ['systemctl', 'enable', '--now', '--no-block'];
    expect(document.runcmd).toEqual([
      ['systemctl', 'daemon-reload'],
      [...start, 'aegis-dead-man.timer'],
      ['/usr/local/sbin/aegis-relay-agent', 'prepare'],
      [...start, 'aegis-relay-agent.service'],
      ...(name === PLAIN ? [] : [[...start, 'aegis-relay.service']]),
    ]);
    const units = document.runcmd
      .filter((command) => command.includes('enable'))
      .map((command) => command.at(-1) ?? '');
    const script = document.write_files.find(({ path }) => path === '/usr/local/sbin/aegis-relay-agent');
    expect(script?.permissions).toBe('0755');
    for (const unit of units) {
      const text = fileOf(document, `/etc/systemd/system/${unit}`);
      expect(text).toMatch(/^WantedBy=/m);
      const service = fileOf(document, `/etc/systemd/system/${unit.replace('.timer', '.service')}`);
      expect(service).toMatch(/^ExecStart=\/usr\/local\/sbin\/aegis-relay-agent (run|dead-man|container)$/m);
    }
  });
});

whenInstalled('systemd-analyze')('systemd takes the units, and finds the reporting ones well confined', async () => {
  const document = await documentOf(WITH_CONTAINER);
  const folder = await mkdtemp(join(tmpdir(), 'aegis-units-'));
  try {
    const units = document.write_files.filter(({ path }) => path.startsWith('/etc/systemd/system/'));
    const paths = units.map(({ path }) => join(folder, basename(path)));
    for (const [index, unit] of units.entries()) {
      // A program that this machine has: systemd looks for it.
      const text = contentOf(unit).replace('/usr/local/sbin/aegis-relay-agent', '/bin/true');
      await writeFile(paths[index] ?? '', text);
    }
    expect(paths).toHaveLength(4);
    const verified = spawnSync('systemd-analyze', ['verify', '--man=no', ...paths], { encoding: 'utf8' });
    expect([verified.stderr, verified.status]).toEqual(['', 0]);
    // Of 100; a service without any confinement has 96.
    for (const [unit, most] of Object.entries({ 'aegis-relay-agent.service': 22, 'aegis-dead-man.service': 15 })) {
      const args = ['security', '--offline=true', `--threshold=${most}`, '--no-pager', join(folder, unit)];
      expect([unit, spawnSync('systemd-analyze', args).status]).toEqual([unit, 0]);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

whenInstalled('shellcheck')('shellcheck finds nothing in the script as it is installed', async () => {
  const script = fileOf(await documentOf(PLAIN), '/usr/local/sbin/aegis-relay-agent');
  for (const shell of ['sh', 'dash', 'bash']) {
    const { stdout, status } = spawnSync('shellcheck', [`--shell=${shell}`, '-'], { input: script, encoding: 'utf8' });
    expect([shell, stdout, status]).toEqual([shell, '', 0]);
  }
});

test.each(STORIES.map(([name]) => name))('the agent %s', (name) => told.get(name));
