// `npm run test:systemd`: a fresh Debian with its own systemd, and docs/install-systemd.md carried out in it block by block.
// Too slow for `npm test`: it installs packages and builds twice.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { repositoryPath } from '../../src/repository.js';
import { DebianMachine } from './debian-machine.js';
import { readInstallGuide } from './install-guide.js';
import { readUnit } from './unit-file.js';

const BLOCK_TIMEOUT_MS = 30 * 60_000;
const CHECK_TIMEOUT_MS = 120_000;

const blocks = readInstallGuide().filter(({ inTrial }) => inTrial);
const share = mkdtempSync(join(tmpdir(), 'aegis-source-'));
const source = join(share, 'aegis');
let machine: DebianMachine;

function git(...args: string[]): string {
  const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com', '-c', 'commit.gpgsign=false'];
  const { status, stdout, stderr } = spawnSync('git', [...identity, ...args], { cwd: source, encoding: 'utf8' });
  if (status !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** A repository that holds what lies in this folder, committed or not, as its only commit. */
function publishSource(): void {
  const listed = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: repositoryPath(''),
    encoding: 'utf8',
  });
  for (const file of listed.stdout.split('\0').filter((each) => each !== '')) {
    mkdirSync(dirname(join(source, file)), { recursive: true });
    cpSync(repositoryPath(file), join(source, file));
  }
  git('init', '--quiet', '--initial-branch=main');
  git('add', '--all');
  git('commit', '--quiet', '--message=Source');
}

async function inMachine(script: string): Promise<string> {
  const { code, output } = await machine.run(script, { AEGIS_SOURCE: '/mnt/share/aegis' });
  if (code !== 0) throw new Error(`ended with ${code}:\n${script}\n${output.slice(-8_000)}`);
  return output;
}

let stuckAt: string | null = null;

/** Carries out all blocks under the headings and answers with what they printed. Nobody goes on where one failed. */
async function follow(...headings: string[]): Promise<string> {
  if (stuckAt !== null) throw new Error(`the guide could not be followed beyond: ${stuckAt}`);
  stuckAt = headings.join(', ');
  let output = '';
  for (const { script } of blocks.filter(({ heading }) => headings.includes(heading)))
    output += await inMachine(script);
  stuckAt = null;
  return output;
}

const runningRelease = () => inMachine('readlink -f /opt/aegis/current');
const show = async (unit: string, property: string) =>
  (await inMachine(`systemctl show --value --property=${property} ${unit}`)).trim();

beforeAll(async () => {
  publishSource();
  machine = await DebianMachine.boot({ share });
}, BLOCK_TIMEOUT_MS);

afterAll(async () => {
  await machine?.stop();
  rmSync(share, { recursive: true, force: true });
}, CHECK_TIMEOUT_MS);

test('this follows every heading of the guide that has commands for the trial', () => {
  const followed = ['1. Packages', '2. Code and build', '3. Redis', '4. Secrets and configuration', '5. Start'];
  const headings = [...followed, '6. The first relay', '7. Metrics', 'Upgrade', 'Back out', 'Uninstall'];
  expect([...new Set(blocks.map(({ heading }) => heading))]).toEqual(headings);
});

test(
  'packages',
  async () => {
    const output = await follow('1. Packages');
    expect(output).toMatch(/^v(2[02-9]|[3-9]\d)\.\d+/m);
  },
  BLOCK_TIMEOUT_MS,
);

test(
  'code and build',
  async () => {
    const output = await follow('2. Code and build');
    expect(output).toMatch(/^api\n(.*\n)*jobs\n(.*\n)*sim\nsystemd\n/m);
    expect(await inMachine('find /opt/aegis/current/api/node_modules -path "*@aws-sdk*" -print -quit')).toBe('');
  },
  BLOCK_TIMEOUT_MS,
);

test(
  'Redis',
  async () => {
    const output = await follow('3. Redis');
    expect(output).toMatch(/^noeviction$/m);
    expect(output).toMatch(/^appendonly\nyes$/m);
    expect(output).toMatch(/NOAUTH/);
  },
  CHECK_TIMEOUT_MS,
);

test(
  'configuration and start: both services are ready',
  async () => {
    const output = await follow('4. Secrets and configuration', '5. Start');
    expect(output.match(/active \(running\)/g)).toHaveLength(2);
  },
  CHECK_TIMEOUT_MS,
);

test(
  'the first relay becomes active and has an address',
  async () => {
    const output = await follow('6. The first relay');
    // Neither answer ends with a line break.
    const [, created = '', listed = ''] = /^(\{"id".*?\})(\{"relays".*\})$/.exec(output.trim()) ?? [];
    const relay = JSON.parse(created);
    expect(relay).toMatchObject({ state: 'active', address: expect.stringMatching(/^\d+\.\d+\.\d+\.\d+$/) });
    expect(JSON.parse(listed).relays).toMatchObject([{ id: relay.id, state: 'active' }]);
  },
  CHECK_TIMEOUT_MS,
);

test(
  'the metrics tell of it',
  async () => {
    const output = await follow('7. Metrics');
    expect(output).toMatch(/^aegis_relay_provision_total\{.*region="us-east-1".*status="ok".*\} 1$/m);
    expect(output).toMatch(/^aegis_relays\{.*state="active".*\} 1$/m);
  },
  CHECK_TIMEOUT_MS,
);

describe.each(['aegis-api', 'aegis-jobs'])('%s in its sandbox', (unit) => {
  test('has no capability and no way to one, a filter of system calls, and a user who is nobody else', async () => {
    const status = await inMachine(`cat /proc/$(systemctl show --value --property=MainPID ${unit})/status`);
    expect(status).toMatch(/^CapEff:\s+0+$/m);
    expect(status).toMatch(/^CapBnd:\s+0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    expect(status).toMatch(/^Seccomp:\s+2$/m);
    // The range of dynamic users.
    expect(Number(/^Uid:\s+(\d+)/m.exec(status)?.[1])).toBeGreaterThanOrEqual(61_184);
  });

  test('shows no secret in its environment', async () => {
    const environment = await inMachine(
      `tr '\\0' '\\n' < /proc/$(systemctl show --value --property=MainPID ${unit})/environ`,
    );
    expect(environment).toContain('AEGIS_SECRET_FILE=');
    for (const file of ['/etc/aegis/secret', '/etc/aegis/redis-url']) {
      expect(environment).not.toContain((await inMachine(`cat ${file}`)).trim());
    }
  });

  test(
    'comes back when it is killed, and stops cleanly when it is told to',
    async () => {
      // Not `kill`: the process id of a service that does not run is 0, the group of whoever calls it, outside of the machine too.
      await inMachine(`systemctl kill --kill-whom=main --signal=SIGKILL ${unit}`);
      const port = unit === 'aegis-api' ? 8080 : 8081;
      await inMachine(`until [ "$(systemctl show --value --property=NRestarts ${unit})" = 1 ]; do sleep 0.2; done
      curl -fsS --retry 60 --retry-delay 1 --retry-all-errors http://127.0.0.1:${port}/readyz`);
      await inMachine(`systemctl stop ${unit}`);
      expect(await show(unit, 'Result')).toBe('success');
      expect(await show(unit, 'ExecMainStatus')).toBe('0');
      await inMachine(
        `systemctl start ${unit} && curl -fsS --retry 60 --retry-delay 1 --retry-all-errors http://127.0.0.1:${port}/readyz`,
      );
    },
    CHECK_TIMEOUT_MS,
  );

  test('is given nothing to remark by the systemd of this machine, and rated as the guide says', async () => {
    expect(await inMachine(`systemd-analyze verify --man=no /etc/systemd/system/${unit}.service`)).toBe('');
    await inMachine(`systemd-analyze security --no-pager --threshold=11 ${unit}`);
  });
});

test(
  'the API reaches no address that hands out AWS credentials, while it reaches others',
  async () => {
    const denied =
      readUnit(repositoryPath('deploy/systemd/aegis-api.service')).get('Service')?.get('IPAddressDeny')?.[0] ?? '';
    const ask = (property: string) =>
      `systemd-run --quiet --wait --pipe ${property} curl -sS -o /dev/null --max-time 3 http://169.254.169.254:8099/`;
    const output = await inMachine(`
    ip addr add 169.254.169.254/32 dev lo
    systemd-run --quiet --unit=credentials node -e 'require("http").createServer((q, r) => r.end()).listen(8099, "0.0.0.0")'
    curl -fsS --retry 20 --retry-delay 1 --retry-all-errors http://169.254.169.254:8099/
    ${ask('')} && echo reached without
    ${ask(`-p "IPAddressDeny=${denied}"`)} || echo denied with it
    systemctl stop credentials
    ip addr del 169.254.169.254/32 dev lo`);
    expect(output).toMatch(/reached without\n(.*\n)*denied with it/);
  },
  CHECK_TIMEOUT_MS,
);

test(
  'an upgrade, and back',
  async () => {
    const before = await runningRelease();
    git('commit', '--quiet', '--allow-empty', '--message=Newer');
    await follow('Upgrade');
    expect(await runningRelease()).toContain(git('rev-parse', '--short=12', 'HEAD').trim());
    await follow('Back out');
    expect(await runningRelease()).toBe(before);
    expect(await show('aegis-api', 'ActiveState')).toBe('active');
  },
  BLOCK_TIMEOUT_MS,
);

test(
  'after the uninstall no relay, no service and no file is left',
  async () => {
    await follow('Uninstall');
    const left = await inMachine(
      'systemctl list-units --all --no-legend "aegis*" "redis*"; find / -xdev -name "*aegis*" -not -path "/mnt/*" -not -path "/proc/*" -not -path "/sys/*"; pgrep -l node || true',
    );
    expect(left).toBe('');
  },
  CHECK_TIMEOUT_MS,
);
