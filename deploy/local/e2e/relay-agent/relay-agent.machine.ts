// A part of `npm run test:systemd`: how a relay ends its machine, from within the sandboxes of the units that user data installs, on
// a Debian with its own systemd. What the agent says and hears is tested by relay-agent.test.ts.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, expect, test } from '@jest/globals';
import { DebianMachine } from '../packaging/debian-machine.js';
import { startTroubleStack } from '../trouble-stack.js';
import { type CloudConfig, contentOf, readCloudConfig } from './cloud-config.js';

const BOOT_TIMEOUT_MS = 15 * 60_000;
const DOWN_WITHIN_MS = 120_000;
const SILENCE_SECONDS = 5;

let userData: CloudConfig;
let machine: DebianMachine | undefined;
let share: string;

/** What an instance is launched with. */
beforeAll(async () => {
  const trouble = await startTroubleStack();
  try {
    const { id } = await trouble.relays.create({ leaseSeconds: 600 });
    const { instanceId } = await trouble.relays.becomes(id, 'booting', 60_000);
    userData = readCloudConfig((await trouble.sim.instance(instanceId ?? '')).userData ?? '');
  } finally {
    await trouble.stack.stop();
  }
}, 180_000);

afterEach(async () => {
  await machine?.stop();
  machine = undefined;
  rmSync(share, { recursive: true, force: true });
}, 120_000);

/** Boots a machine and does there what cloud-init does with the user data. Nobody answers it, and for a short time it bears that. */
async function launch(): Promise<DebianMachine> {
  share = mkdtempSync(join(tmpdir(), 'aegis-relay-share-'));
  for (const file of userData.write_files) {
    const path = join(share, file.path);
    mkdirSync(dirname(path), { recursive: true });
    const content = contentOf(file);
    const settings = path.endsWith('/agent.json') && { ...JSON.parse(content), silenceLimitSeconds: SILENCE_SECONDS };
    writeFileSync(path, settings ? JSON.stringify(settings) : content);
  }
  const booted = await DebianMachine.boot({ share });
  machine = booted;
  for (const { path, permissions } of userData.write_files) {
    await must(booted, `install -D -m ${permissions} /mnt/share${path} ${path}`);
  }
  return booted;
}

async function must(on: DebianMachine, script: string): Promise<void> {
  const { code, output } = await on.run(script);
  if (code !== 0) throw new Error(`ended with ${code}:\n${script}\n${output.slice(-4_000)}\n${on.console}`);
}

/** What cloud-init runs, but for this. */
const commandsBut = (...left: string[]): string =>
  userData.runcmd
    .filter((command) => !left.some((word) => command.includes(word)))
    .map((command) => command.map((word) => `'${word}'`).join(' '))
    .join('\n');

test(
  'the agent shuts the machine down when nobody answers',
  async () => {
    const relay = await launch();
    await must(relay, commandsBut('aegis-dead-man.timer'));
    expect({ down: await relay.wentDown(DOWN_WITHIN_MS), console: relay.console }).toMatchObject({ down: true });
    expect(relay.console).toContain('shutting down: control plane silent');
    expect(relay.console).toMatch(/System Power Off|Powering off/);
    expect(relay.console).not.toContain('forcing it');
  },
  BOOT_TIMEOUT_MS,
);

test(
  'the timer shuts it down where the agent does not run',
  async () => {
    const relay = await launch();
    await must(relay, commandsBut('aegis-relay-agent.service', 'prepare'));
    expect({ down: await relay.wentDown(DOWN_WITHIN_MS), console: relay.console }).toMatchObject({ down: true });
    expect(relay.console).toContain('shutting down: control plane silent');
    expect(relay.console).toMatch(/System Power Off|Powering off/);
    expect(relay.console).not.toContain('forcing it');
  },
  BOOT_TIMEOUT_MS,
);

test(
  'the timer forces a shutdown that does not happen',
  async () => {
    const relay = await launch();
    // Asked for long ago, counted from when this kernel booted.
    await must(
      relay,
      `install -d -m 700 /run/aegis-relay
      echo '0 lease ended' > /run/aegis-relay/deadline
      echo -1000 > /run/aegis-relay/ending`,
    );
    // The way into the machine may be cut before it answers.
    await relay.run(commandsBut('aegis-relay-agent.service', 'prepare'));
    expect({ down: await relay.wentDown(DOWN_WITHIN_MS), console: relay.console }).toMatchObject({ down: true });
    expect(relay.console).toContain('forcing it');
  },
  BOOT_TIMEOUT_MS,
);
