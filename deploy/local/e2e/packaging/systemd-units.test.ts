// What can be said of the units without starting them; `npm run test:systemd` starts them on a fresh Debian machine.

import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SETTINGS } from '@aegis/config';
import { afterAll, describe, expect, test } from '@jest/globals';
import { findProgram } from '../../src/monitoring.js';
import { repositoryPath } from '../../src/repository.js';
import { readInstallGuide } from './install-guide.js';
import { environmentOf, readUnit, seconds, type UnitSection } from './unit-file.js';

const OURS = repositoryPath('deploy/systemd');
const AGENT = repositoryPath('apps/jobs/agent');
const unitsIn = (folder: string) => readdirSync(folder).filter((name) => /\.(service|timer|slice)$/.test(name));
const SERVICES = unitsIn(OURS).filter((name) => name.endsWith('.service'));

/** What `systemd-analyze security` may say at most, in tenths: what is achieved, so that any loosening shows. */
const MOST_EXPOSED: Record<string, number> = {
  'aegis-api.service': 11,
  'aegis-jobs.service': 11,
  'aegis-sim.service': 11,
  // Root, because it must be able to end the machine.
  'aegis-relay-agent.service': 22,
  'aegis-dead-man.service': 15,
};
/** It has to command the engine of containers and to install one, which is to be root with all that goes with it. */
const NOT_SANDBOXED = ['aegis-relay.service'];

const analyzer = findProgram('systemd-analyze');
const ifAnalyzer = analyzer !== null || process.env.CI ? describe : describe.skip;

function analyze(...args: string[]): { code: number | null; output: string } {
  // Units are looked up as they lie on this machine, whatever a test before left in the environment.
  const { status, stdout, stderr } = spawnSync('systemd-analyze', args, {
    encoding: 'utf8',
    env: { PATH: process.env.PATH },
  });
  return { code: status, output: `${stdout}${stderr}` };
}

function serviceSection(path: string): UnitSection {
  const section = readUnit(path).get('Service');
  if (section === undefined) throw new Error(`${path} has no section [Service]`);
  return section;
}

ifAnalyzer('systemd-analyze', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'aegis-units-'));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  /** Copies of all units, with a program at hand where theirs is not installed; nothing else of them is changed. */
  function copyUnits(): string[] {
    const program = join(scratch, 'program');
    writeFileSync(program, '#!/bin/sh\n');
    chmodSync(program, 0o755);
    return [OURS, AGENT].flatMap((folder) =>
      unitsIn(folder).map((name) => {
        const copy = join(scratch, name);
        cpSync(join(folder, name), copy);
        const text = readFileSync(copy, 'utf8').replace(
          /^(ExecStart=)(\/usr\/bin\/node|\/usr\/local\/sbin\/aegis-relay-agent)\b/m,
          `$1${program}`,
        );
        writeFileSync(copy, text);
        return copy;
      }),
    );
  }

  test('verify finds nothing to say about any unit', () => {
    expect(analyze('verify', '--man=no', ...copyUnits())).toEqual({ code: 0, output: '' });
  });

  test('verify does find a fault', () => {
    const faulty = join(scratch, 'faulty.service');
    writeFileSync(faulty, '[Service]\nExecStart=/bin/true\nProtectSystm=strict\n');
    expect(analyze('verify', '--man=no', faulty).output).toContain('ProtectSystm');
  });

  const rated = [OURS, AGENT].flatMap((folder) =>
    unitsIn(folder)
      .filter((name) => name.endsWith('.service') && !NOT_SANDBOXED.includes(name))
      .map((name): [string, string] => [name, join(folder, name)]),
  );
  test.each(rated)('%s is no more exposed than it must be', (name, path) => {
    const threshold = MOST_EXPOSED[name];
    expect(threshold).toBeDefined();
    const { code, output } = analyze('security', '--offline=true', '--no-pager', `--threshold=${threshold}`, path);
    expect({ code, verdict: code === 0 ? '' : output }).toEqual({ code: 0, verdict: '' });
  });
});

describe.each(SERVICES)('%s', (name) => {
  const service = serviceSection(join(OURS, name));
  const environment = environmentOf(service);

  test('sets only variables that its program reads', () => {
    const known = SETTINGS.flatMap(({ env, secret }) => (secret ? [env, `${env}_FILE`] : [env]));
    const foreign = ['NODE_ENV', 'HOME', 'AWS_EC2_METADATA_DISABLED', 'AEGIS_CONFIG'];
    const ofSimulator = readFileSync(repositoryPath('libs/ec2-sim/src/env.ts'), 'utf8').match(
      /^ {2}AEGIS_SIM_\w+(?=:)/gm,
    );
    const names = [...known, ...foreign, ...(ofSimulator ?? []).map((line) => line.trim())];
    for (const variable of Object.keys(environment)) expect(names).toContain(variable);
  });

  test('reads each secret from a credential that it loads', () => {
    const loaded = (service.get('LoadCredential') ?? []).map((credential) => credential.split(':')[0]);
    const read = Object.values(environment).flatMap((value) => (value.startsWith('%d/') ? [value.slice(3)] : []));
    expect(read.sort()).toEqual(loaded.sort());
    for (const { env } of SETTINGS.filter(({ secret }) => secret)) expect(environment).not.toHaveProperty(env);
  });

  test('gives its program longer to stop than that gives itself', () => {
    const deadline = Number(SETTINGS.find(({ env }) => env === 'AEGIS_SHUTDOWN_TIMEOUT_SECONDS')?.default);
    expect(deadline).toBeGreaterThan(0);
    expect(seconds(service.get('TimeoutStopSec')?.[0])).toBeGreaterThanOrEqual(deadline + 10);
  });

  test('is started again whatever it ends with, within limits that a missing Redis does not reach', () => {
    const unit = readUnit(join(OURS, name)).get('Unit');
    expect(service.get('Restart')).toEqual(['always']);
    const startsAllowed = Number(unit?.get('StartLimitBurst')?.[0]);
    const window = seconds(unit?.get('StartLimitIntervalSec')?.[0]);
    // checkRedis waits 5 s for an answer before the program ends.
    expect(startsAllowed * (seconds(service.get('RestartSec')?.[0]) + 5)).toBeGreaterThan(window);
    // A program that ends at once does reach it.
    expect(startsAllowed * (seconds(service.get('RestartSec')?.[0]) + 1)).toBeLessThan(window);
  });

  test('starts a program that the build puts there', () => {
    const [, tree = '', workspace = '', file = ''] =
      /^\/usr\/bin\/node --enable-source-maps \/opt\/aegis\/current\/(\w+)\/(\w+\/[\w-]+)\/([\w/.-]+)$/.exec(
        service.get('ExecStart')?.[0] ?? '',
      ) ?? [];
    const builder = readFileSync(join(OURS, 'build-release.sh'), 'utf8');
    const [, apps = ''] = /^for app in (.*); do$/m.exec(builder) ?? [];
    if (apps.split(' ').includes(tree)) expect([workspace, file]).toEqual([`apps/${tree}`, `bundle/aegis-${tree}.mjs`]);
    else {
      expect(builder).toContain(`--workspace=${workspace}\nsh deploy/docker/assemble-app.sh "$release.new/${tree}"`);
      expect(file).toBe('dist/main.js');
    }
    expect(existsSync(repositoryPath(`${workspace}/src/main.ts`))).toBe(true);
  });
});

test('the API can reach none of the addresses that hand out AWS credentials', () => {
  const denied = serviceSection(join(OURS, 'aegis-api.service')).get('IPAddressDeny')?.[0]?.split(' ');
  expect(denied).toEqual(
    expect.arrayContaining(['169.254.169.254', 'fd00:ec2::254', '169.254.170.2', '169.254.170.23']),
  );
  expect(serviceSection(join(OURS, 'aegis-api.service')).has('EnvironmentFile')).toBe(false);
});

describe('docs/install-systemd.md', () => {
  const blocks = readInstallGuide();
  const commands = blocks.map(({ script }) => script).join('\n');

  test('holds commands that a shell can read', () => {
    expect(blocks.length).toBeGreaterThan(15);
    const { stderr } = spawnSync('bash', ['-n'], { input: commands, encoding: 'utf8' });
    expect(stderr).toBe('');
  });

  test('installs each credential that a unit loads', () => {
    const files = SERVICES.flatMap((name) => serviceSection(join(OURS, name)).get('LoadCredential') ?? []).map(
      (each) => each.split(':')[1],
    );
    expect(files).not.toEqual([]);
    for (const file of new Set(files)) expect(commands).toContain(`> ${file}`);
  });

  test('names no file of deploy/systemd that is not there', () => {
    const named = [
      ...commands.matchAll(/(?:\/opt\/aegis\/current\/systemd|aegis\/deploy\/systemd)\/([\w.-]+\w)(?=\s|"|\)|$)/g),
    ].map((match) => match[1] ?? '');
    expect(named).toEqual(
      expect.arrayContaining(['build-release.sh', 'redis-aegis.conf', 'redis-server.conf', 'aegis.slice']),
    );
    for (const name of named) expect(existsSync(join(OURS, name))).toBe(true);
  });
});
