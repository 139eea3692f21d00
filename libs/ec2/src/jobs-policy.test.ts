// deploy/aws/jobs-policy.json lets jobs do what this library does, and nothing else.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { parseFileSync } from '@swc/core';
import { allowedActions, allows, type Policy } from '../testing/evaluate-policy.js';
import { EC2_OPERATIONS } from './ec2-operation.js';
import { toRunInstancesInput } from './instance-launcher.js';
import { buildLaunchRequest } from './launch-request.js';
import { TAG_KEYS } from './launch-tags.js';

const SOURCES = new URL('.', import.meta.url);
const TEMPLATE = readFileSync(new URL('../../../deploy/aws/jobs-policy.json', import.meta.url), 'utf8');
/** What stands in capitals is for the operator to fill in. */
const POLICY = JSON.parse(
  TEMPLATE.replaceAll('ACCOUNT_ID', '111122223333')
    .replaceAll('DEPLOYMENT_ID', 'prod')
    .replaceAll('"REGIONS"', '"us-east-1", "eu-west-1"')
    .replaceAll('RELAY_ROLE', 'aegis-relay')
    .replaceAll('IMAGE_PARAMETERS', 'golden/*'),
) as Policy;

/** Names of the commands that are made anywhere in the library: `new RunInstancesCommand(…)`. */
function commandsInSource(): string[] {
  const files = readdirSync(SOURCES).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
  const names = new Set<string>();
  for (const name of files) {
    walk(parseFileSync(fileURLToPath(new URL(name, SOURCES)), { syntax: 'typescript' }), (node) => {
      if (node.type !== 'NewExpression') return;
      const callee = node.callee as { value?: string; property?: { value?: string } };
      const called = callee.property?.value ?? callee.value ?? '';
      if (called.endsWith('Command')) names.add(called.replace(/Command$/, ''));
    });
  }
  return [...names].sort();
}

function walk(node: unknown, visit: (node: Record<string, unknown>) => void): void {
  if (typeof node !== 'object' || node === null) return;
  if (!Array.isArray(node)) visit(node as Record<string, unknown>);
  for (const inner of Object.values(node)) walk(inner, visit);
}

describe('the actions of the policy', () => {
  test('are those of the commands in the source, no more and no fewer', () => {
    const commands = commandsInSource();
    expect(commands).toContain('RunInstances');
    const ec2Actions = allowedActions(POLICY).filter((action) => action.startsWith('ec2:'));
    expect(ec2Actions).toEqual(commands.map((name) => `ec2:${name}`));
  });

  test('are those of the catalogue that metrics know', () => {
    const names = EC2_OPERATIONS.map((op) =>
      op.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    );
    expect([...names].sort()).toEqual(commandsInSource());
  });

  test('beyond EC2 are those that EC2 carries out in the name of who launches', () => {
    // Only because a launch can name a profile and a parameter: without them, neither may be in the policy.
    const needed = [
      ...(runInput().IamInstanceProfile === undefined ? [] : ['iam:PassRole']),
      ...(runInput().ImageId?.startsWith('resolve:ssm:') ? ['ssm:GetParameters'] : []),
    ];
    expect(allowedActions(POLICY).filter((action) => !action.startsWith('ec2:'))).toEqual(needed);
  });
});

function runInput() {
  const relays = [{ id: 'rly_use1_0123456789abcdef', tenant: 'acme' }];
  return toRunInstancesInput(
    buildLaunchRequest({
      deploymentId: 'prod',
      intentId: 'int_use1_0123456789abcdef',
      relays,
      offering: { instanceType: 't3.micro', subnetId: 'subnet-1', market: { type: 'spot', maxPrice: null } },
      imageId: 'resolve:ssm:/golden/relay',
      securityGroupIds: ['sg-1'],
      instanceProfile: 'aegis-relay',
      userData: '#cloud-config\n',
    }),
  );
}

const arn = (kind: string, account = '111122223333') => `arn:aws:ec2:us-east-1:${account}:${kind}/x-1`;
const HERE = { 'aws:RequestedRegion': 'us-east-1' };
const can = (action: string, resource: string, context: Record<string, string | string[]> = {}) =>
  allows(POLICY, { action, resource, context });

/** The condition keys EC2 fills in for one kind of resource of a launch. */
function launchContext(kind: string, input: ReturnType<typeof runInput>): Record<string, string> {
  const tags = input.TagSpecifications?.find(({ ResourceType }) => ResourceType === kind)?.Tags ?? [];
  const tokens = kind === 'instance' ? input.MetadataOptions?.HttpTokens : undefined;
  return {
    ...HERE,
    ...Object.fromEntries(tags.map(({ Key, Value }) => [`aws:RequestTag/${Key}`, Value ?? ''])),
    ...(tokens !== undefined && { 'ec2:MetadataHttpTokens': tokens }),
  };
}

describe('the policy', () => {
  const input = runInput();

  test('allows a launch as the library asks for it, on spot too', () => {
    for (const kind of [
      'instance',
      'volume',
      'network-interface',
      'security-group',
      'spot-instances-request',
      'subnet',
    ]) {
      expect([kind, can('ec2:RunInstances', arn(kind), launchContext(kind, input))]).toEqual([kind, true]);
    }
    expect(can('ec2:RunInstances', arn('image', ''), HERE)).toBe(true);
    for (const kind of ['instance', 'volume']) {
      const context = { ...launchContext(kind, input), 'ec2:CreateAction': 'RunInstances' };
      expect([kind, can('ec2:CreateTags', arn(kind), context)]).toEqual([kind, true]);
    }
  });

  test.each([
    ['without a tag', { 'aws:RequestTag/aegis:deployment': undefined }],
    ["with another deployment's tag", { 'aws:RequestTag/aegis:deployment': 'other' }],
    ['with metadata that asks for no session', { 'ec2:MetadataHttpTokens': 'optional' }],
    ['with metadata left to EC2', { 'ec2:MetadataHttpTokens': undefined }],
    ['in a region that is not configured', { 'aws:RequestedRegion': 'sa-east-1' }],
  ])('denies a launch %s', (_, change) => {
    const context = Object.entries({ ...launchContext('instance', input), ...change });
    const given = context.filter((entry): entry is [string, string] => entry[1] !== undefined);
    expect(can('ec2:RunInstances', arn('instance'), Object.fromEntries(given))).toBe(false);
  });

  test('lets instances of the deployment alone be terminated and marked', () => {
    const own = { ...HERE, 'aws:ResourceTag/aegis:deployment': 'prod' };
    const foreign = { ...HERE, 'aws:ResourceTag/aegis:deployment': 'other' };
    const marks = { 'aws:TagKeys': [TAG_KEYS.tenant] };
    for (const [action, more] of [
      ['ec2:TerminateInstances', {}],
      ['ec2:CreateTags', marks],
    ] as const) {
      expect([action, can(action, arn('instance'), { ...own, ...more })]).toEqual([action, true]);
      expect([action, can(action, arn('instance'), { ...foreign, ...more })]).toEqual([action, false]);
      expect([action, can(action, arn('instance'), { ...HERE, ...more })]).toEqual([action, false]);
    }
  });

  test.each([TAG_KEYS.deployment, TAG_KEYS.intent, TAG_KEYS.protected, 'aegis:relays:00'])(
    'never lets the tag %s of an instance be changed: it is the ledger, or an operator set it',
    (key) => {
      const context = { 'aws:ResourceTag/aegis:deployment': 'prod', 'aws:TagKeys': [TAG_KEYS.tenant, key] };
      expect(can('ec2:CreateTags', arn('instance'), context)).toBe(false);
    },
  );

  test('passes on the relay role alone, to EC2 alone', () => {
    const role = (name: string) => `arn:aws:iam::111122223333:role/${name}`;
    const toEc2 = { 'iam:PassedToService': 'ec2.amazonaws.com' };
    expect(can('iam:PassRole', role('aegis-relay'), toEc2)).toBe(true);
    expect(can('iam:PassRole', role('admin'), toEc2)).toBe(false);
    expect(can('iam:PassRole', role('aegis-relay'), { 'iam:PassedToService': 'lambda.amazonaws.com' })).toBe(false);
  });

  test('reads image parameters of AWS and of the operator, and no others', () => {
    const parameter = (path: string, account = '') => `arn:aws:ssm:us-east-1:${account}:parameter/${path}`;
    expect(can('ssm:GetParameters', parameter('aws/service/debian/release/12/latest/amd64'))).toBe(true);
    expect(can('ssm:GetParameters', parameter('golden/relay', '111122223333'))).toBe(true);
    expect(can('ssm:GetParameters', parameter('prod/database-password', '111122223333'))).toBe(false);
  });
});
