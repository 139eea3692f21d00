import { describe, expect, test } from '@jest/globals';
import type { InstanceView } from './cloud-provider.js';
import { type InstanceAnswer, InstanceScan } from './instance-scan.js';
import { buildLaunchTags } from './launch-tags.js';

const relays = ['0mwszf5mz3ewwbs7', '0mwszf5mz3ewwbs8'].map((short) => ({ id: `rly_use1_${short}`, tenant: 'acme' }));
const launchTags = buildLaunchTags({ deploymentId: 'test', intentId: 'int_use1_0mwszf5mz3ewwbs6', relays });

function tagSet(tags: readonly { key: string; value: string }[]): string {
  const items = tags.map(({ key, value }) => `<item><key>${key}</key><value>${value}</value></item>`);
  return `<tagSet>${items.join('\n')}</tagSet>`;
}

function instance(id: string, fields = '', tags = tagSet(launchTags)): string {
  return `<item>
    <instanceId>${id}</instanceId><imageId>ami-1</imageId>
    <instanceState><code>16</code><name>running</name></instanceState>
    <privateDnsName/><amiLaunchIndex>1</amiLaunchIndex><launchTime>2026-01-02T03:04:05.000Z</launchTime>
    <networkInterfaceSet><item>
      <instanceId>i-of-the-interface</instanceId><tagSet><item><key>aegis:intent</key><value>other</value></item></tagSet>
      <association><ipAddress>192.0.2.9</ipAddress></association>
    </item></networkInterfaceSet>
    ${fields}${tags}
  </item>`;
}

function answer(instances: string[], rest = ''): string {
  const reservations = instances.map(
    (one) => `<item><reservationId>r-1</reservationId><groupSet/><instancesSet>${one}</instancesSet></item>`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>
<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>59dbff89</requestId><reservationSet>${reservations.join('')}</reservationSet>${rest}
</DescribeInstancesResponse>`;
}

function scanned(
  xml: string,
  pieceLength = xml.length,
  to: InstanceAnswer = 'describe_instances',
): { instances: InstanceView[]; rest: string } {
  const scan = new InstanceScan(to);
  const bytes = Buffer.from(xml);
  for (let from = 0; from < bytes.length; from += pieceLength) scan.write(bytes.subarray(from, from + pieceLength));
  const rest = scan.end().toString();
  return { instances: scan.instances, rest };
}

const VIEW: InstanceView = {
  instanceId: 'i-0123456789abcdef0',
  state: 'running',
  stateReason: null,
  address: null,
  launchIndex: 1,
  launchTime: Date.UTC(2026, 0, 2, 3, 4, 5),
  lifecycle: 'on_demand',
  instanceType: null,
  intentId: 'int_use1_0mwszf5mz3ewwbs6',
  relay: { shortId: '0mwszf5mz3ewwbs8', tenant: 'acme' },
  tags: { 'aegis:deployment': 'test', 'aegis:intent': 'int_use1_0mwszf5mz3ewwbs6', Name: 'aegis-relay' },
};

describe('an answer to DescribeInstances', () => {
  test('tells of each instance what its own elements say, whatever stands deeper inside', () => {
    const spot = `<ipAddress>203.0.113.7</ipAddress><instanceType>t3.micro</instanceType>
      <instanceLifecycle>spot</instanceLifecycle>
      <stateReason><code>Server.SpotInstanceTermination</code><message>x</message></stateReason>`;
    const { instances } = scanned(answer([instance(VIEW.instanceId), instance('i-2', spot)]));
    expect(instances).toEqual([
      VIEW,
      {
        ...VIEW,
        instanceId: 'i-2',
        address: '203.0.113.7',
        instanceType: 't3.micro',
        lifecycle: 'spot',
        stateReason: 'Server.SpotInstanceTermination',
      },
    ]);
  });

  test.each([1, 2, 3, 7, 64, 1000])('is read alike in pieces of %d bytes', (pieceLength) => {
    const xml = answer([instance(VIEW.instanceId), instance('i-2')], '<nextToken>abc</nextToken>');
    expect(scanned(xml, pieceLength)).toEqual(scanned(xml));
  });

  test('leaves to the SDK what is not an instance', () => {
    const { rest } = scanned(answer([instance('i-1')], '<nextToken>a&amp;b=</nextToken>'));
    expect(rest).toBe(
      '<DescribeInstancesResponse><requestId>59dbff89</requestId><nextToken>a&amp;b=</nextToken></DescribeInstancesResponse>',
    );
  });

  test('of nothing holds no instance', () => {
    expect(scanned(answer([])).instances).toEqual([]);
    expect(scanned('<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>').instances).toEqual([]);
  });

  test('has texts with references, and tags of any script, order and number', () => {
    const tags = [
      { key: 'owner', value: 'R&amp;D &lt;&#233;&#x1F600;&gt; &unknown; Zoë' },
      { key: '__proto__', value: 'x' },
    ];
    const [first, second, third] = scanned(
      answer([
        instance('i-1', '', tagSet(tags)),
        instance('i-2', '', '<tagSet><item><key>empty</key><value/></item></tagSet>'),
        instance('i-3', '', '<tagSet/>'),
      ]),
    ).instances;
    expect(first?.tags.owner).toBe('R&D <é😀> &unknown; Zoë');
    expect(second).toMatchObject({ tags: { empty: '' }, intentId: null, relay: null });
    expect(third).toMatchObject({ tags: {}, intentId: null });
  });

  test('shows for each instance its own tags, though most are those of the one before', () => {
    const claimed = tagSet([...launchTags, { key: 'aegis:tenant', value: 'rival' }]);
    const damaged = tagSet(
      launchTags.map((tag) => (tag.key.startsWith('aegis:relays') ? { ...tag, value: 'x' } : tag)),
    );
    const own = [undefined, claimed, damaged, undefined].map((tags, index) => instance(`i-${index}`, '', tags));
    expect(scanned(answer(own)).instances.map(({ relay }) => relay?.tenant)).toEqual([
      'acme',
      'rival',
      undefined,
      'acme',
    ]);
  });

  test.each([
    ['cut off', (xml: string) => xml.slice(0, xml.indexOf('</reservationSet>'))],
    ['cut off inside of a tag', (xml: string) => xml.slice(0, -5)],
    ['of another operation', (xml: string) => xml.replaceAll('DescribeInstancesResponse', 'OtherResponse')],
    ['that is no XML', () => 'upstream connect error'],
    ['that is empty', () => ''],
    ['with a document type', (xml: string) => xml.replace('<requestId>', '<!DOCTYPE x><requestId>')],
    ['that closes too much', () => '</DescribeInstancesResponse>'],
  ])('%s is refused as a whole', (_, spoil) => {
    expect(() => scanned(spoil(answer([instance('i-1')])))).toThrow('EC2 answered with');
  });
});

describe('an answer to RunInstances', () => {
  const launch = `<?xml version="1.0" encoding="UTF-8"?>
<RunInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>59dbff89</requestId><reservationId>r-1</reservationId><groupSet/>
  <instancesSet>${instance(VIEW.instanceId)}${instance('i-2', '<instanceType>t3.micro</instanceType>')}</instancesSet>
</RunInstancesResponse>`;

  test.each([launch.length, 1, 7])('is read in pieces of %i bytes, and the rest of it left to the SDK', (length) => {
    const { instances, rest } = scanned(launch, length, 'run_instances');
    expect(instances).toEqual([VIEW, { ...VIEW, instanceId: 'i-2', instanceType: 't3.micro' }]);
    expect(rest).toContain('<requestId>59dbff89</requestId>');
    expect(rest).toContain('<reservationId>r-1</reservationId>');
    expect(rest).not.toContain('instancesSet');
  });

  test('is not taken for whole when it ends early, nor any other answer for it', () => {
    expect(() => scanned(launch.slice(0, -40), launch.length, 'run_instances')).toThrow(
      'something else than a whole list',
    );
    expect(() => scanned(answer([]), 1000, 'run_instances')).toThrow('something else than a whole list');
  });
});
