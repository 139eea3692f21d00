// The bundles that everything starts: what is in them, and that nothing else is needed to run them.

import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { repositoryPath } from '../../src/repository.js';
import { type Stack, startStack } from '../../src/stack.js';

const APPS = ['api', 'jobs'] as const;
type App = (typeof APPS)[number];

const bundleOf = (app: App): string => `apps/${app}/bundle/aegis-${app}.mjs`;
const read = (path: string): string => readFileSync(repositoryPath(path), 'utf8');

function packagesIn(app: App): string[] {
  const notice = read(`apps/${app}/bundle/THIRD-PARTY.txt`);
  return [...notice.matchAll(/^== (\S+) \d+\.\d+\.\d+/gm)].map(([, name = '']) => name);
}

describe('the AWS SDK', () => {
  test('is in the bundle of jobs alone', () => {
    const ofAws = (app: App) => packagesIn(app).filter((name) => /^@(aws-sdk|smithy)\//.test(name));
    expect(packagesIn('api')).toContain('express');
    expect(ofAws('api')).toEqual([]);
    expect(ofAws('jobs')).toContain('@aws-sdk/client-ec2');
    // The name of EC2's model, by which its client goes.
    expect(read(bundleOf('api'))).not.toContain('com.amazonaws.ec2');
    expect(read(bundleOf('jobs'))).toContain('com.amazonaws.ec2');
  });

  test('is there with the operations in use and none of the other six hundred', () => {
    const bundle = read(bundleOf('jobs'));
    for (const used of ['RunInstances', 'TerminateInstances']) expect(bundle).toContain(`"${used}"`);
    for (const unused of ['CreateVpnGateway', 'ModifyVpcEndpoint']) expect(bundle).not.toContain(`"${unused}"`);
  });
});

test.each(APPS)('%s has grown by no package that is hardly used', (app) => {
  // What is left out comes back as a whole when a new version breaks what deploy/bundle says of it: 0.1 MB and more each.
  expect(read(bundleOf(app)).length).toBeLessThan({ api: 2.95e6, jobs: 2.65e6 }[app]);
});

describe.each(APPS)('the files of %s alone', (app) => {
  let dir: string;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'aegis-bundle-'));
    const script = repositoryPath('deploy/docker/assemble-bundle.sh');
    execFileSync('sh', [script, app, dir], { cwd: repositoryPath('') });
  });

  afterAll(() => rm(dir, { recursive: true, force: true }));

  function start(env: NodeJS.ProcessEnv): Promise<{ code: unknown; stderr: string }> {
    return new Promise((resolve) => {
      const args = ['--enable-source-maps', join(dir, bundleOf(app))];
      execFile(process.execPath, args, { cwd: dir, env }, (error, _stdout, stderr) =>
        resolve({ code: error?.code ?? 0, stderr }),
      );
    });
  }

  test('need no package to start', async () => {
    const { code, stderr } = await start({});
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^aegis-${app}: .*AEGIS_SECRET`, 'm'));
    expect(stderr).not.toMatch(/ERR_MODULE_NOT_FOUND|Cannot find/);
  });

  test('name the line of our source in the trace of an error', async () => {
    await rm(join(dir, 'libs/relays/lua'), { recursive: true });
    const region =
      '{name: us-east-1, imageId: ami-1, instanceTypes: [t3.micro], subnetIds: [subnet-1], securityGroupIds: [sg-1]}';
    const { code, stderr } = await start({ AEGIS_ENV: 'local', AEGIS_REGIONS: `[${region}]` });
    expect(code).toBe(1);
    expect(stderr).toMatch(/ENOENT.*region\.lua/);
    const [, file = '', line] = /\(.*\/(libs\/relays\/src\/lua-scripts\.ts):(\d+):\d+\)/.exec(stderr) ?? [];
    expect(read(file).split('\n')[Number(line) - 1]).toContain('readFileSync(');
    // What is not ours is found in the bundle, never by a line of ours.
    for (const [, source = ''] of stderr.matchAll(/\/((?:apps|libs)\/\S+\.ts):\d+/g)) {
      expect(existsSync(repositoryPath(source))).toBe(true);
    }
  });
});

describe('started', () => {
  let stack: Stack;
  let asked = 0;
  /** As ECS and EKS hand out the credentials of a role; the SDK loads what asks for them when it first needs them. */
  const role = createServer((_request, response) => {
    asked += 1;
    const Expiration = new Date(Date.now() + 3_600_000).toISOString();
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ AccessKeyId: 'of-a-role', SecretAccessKey: 'secret', Token: 'token', Expiration }));
  });

  beforeAll(async () => {
    await new Promise<void>((resolve) => role.listen(0, '127.0.0.1', resolve));
    const { port } = role.address() as AddressInfo;
    stack = await startStack({
      env: {
        AWS_ACCESS_KEY_ID: '',
        AWS_SECRET_ACCESS_KEY: '',
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}/credentials`,
      },
    });
  }, 60_000);

  afterAll(async () => {
    await stack?.stop();
    role.closeAllConnections();
    await new Promise((resolve) => role.close(resolve));
  }, 60_000);

  test('api sends its document and the page that shows it', async () => {
    const url = stack.api[0]?.url;
    const document = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: object };
    const kept = JSON.parse(read('libs/client/openapi.json')) as { paths: object };
    expect(Object.keys(document.paths)).toEqual(Object.keys(kept.paths));
    for (const path of ['/docs', '/docs/start.js', '/docs/swagger-ui-bundle.js', '/docs/swagger-ui.css']) {
      expect({ path, status: (await fetch(`${url}${path}`)).status }).toEqual({ path, status: 200 });
    }
  });

  test('jobs calls EC2 with the credentials of a role', async () => {
    const page = await (await fetch(`${stack.jobs[0]?.url}/metrics`)).text();
    expect(page).toMatch(/aegis_aws_operations_total\{op="describe_instances",[^}]*status="ok"[^}]*\} [1-9]/);
    expect(asked).toBeGreaterThan(0);
  });
});
