// Which connections the NetworkPolicies of deploy/kubernetes allow, decided as a cluster decides it.

import { expect, test } from '@jest/globals';
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import type { Manifest } from './kustomize.js';
import { objectsOf } from './kustomize.js';
import { type Connection, mayOpen, type Pod } from './network-rules.js';
import { describeOverlays } from './overlay-suite.js';

const pod = (name: string): Pod => ({ labels: { 'app.kubernetes.io/name': name } });
const api = pod('aegis-api');
const jobs = pod('aegis-jobs');
const dns: Pod = { labels: { 'k8s-app': 'kube-dns' }, namespace: { 'kubernetes.io/metadata.name': 'kube-system' } };
const ingressController: Pod = { labels: {}, namespace: { 'aegis/ingress': 'true' } };
const prometheus: Pod = { labels: {}, namespace: { 'aegis/monitoring': 'true' } };
const stranger: Pod = { labels: { 'app.kubernetes.io/name': 'aegis-api' }, namespace: { team: 'other' } };

const AWS = '52.94.236.248';
const METADATA = ['169.254.169.254', 'fd00:ec2::254'];
const POD_IDENTITY = ['169.254.170.23', 'fd00:ec2::23'];
/** Container credentials of ECS, and a cluster's own API. */
const ELSEWHERE = ['169.254.170.2', '10.100.0.1', '172.20.0.1', '2600:1f18::1'];

describeOverlays('network policies', (overlay, objects) => {
  const policies = () => objectsOf<Manifest & INetworkPolicy>(objects, 'NetworkPolicy');
  const opens = (connection: Connection) => mayOpen(policies(), connection);

  test('all pods can ask DNS, and can be reached from nowhere unless something says so', () => {
    for (const from of [api, jobs, pod('anything')]) {
      expect(opens({ from, to: dns, port: 53, protocol: 'UDP' })).toBe(true);
      expect(opens({ from, to: dns, port: 53 })).toBe(true);
      expect(opens({ from, to: dns, port: 443 })).toBe(false);
    }
    expect(opens({ from: api, to: pod('anything'), port: 80 })).toBe(false);
    expect(opens({ from: '203.0.113.9', to: pod('anything'), port: 80 })).toBe(false);
    expect(opens({ from: pod('anything'), to: AWS, port: 443 })).toBe(false);
  });

  test.each([AWS, ...METADATA, ...POD_IDENTITY, ...ELSEWHERE])('the api has no way to %s', (to) => {
    for (const port of [80, 443, 6379, 8080]) expect(opens({ from: api, to, port })).toBe(false);
    expect(opens({ from: api, to, port: 53, protocol: 'UDP' })).toBe(false);
  });

  test.each(METADATA)('jobs have no way to the credentials of the machine, %s', (to) => {
    for (const port of [80, 443]) expect(opens({ from: jobs, to, port })).toBe(false);
  });

  test('the apps do not talk to each other', () => {
    expect(opens({ from: api, to: jobs, port: 8081 })).toBe(false);
    expect(opens({ from: jobs, to: api, port: 8080 })).toBe(false);
  });

  test('clients come through the Ingress, and to the API alone', () => {
    expect(opens({ from: ingressController, to: api, port: 8080 })).toBe(true);
    expect(opens({ from: ingressController, to: api, port: 9090 })).toBe(false);
    expect(opens({ from: ingressController, to: jobs, port: 8081 })).toBe(false);
    for (const from of [stranger, '203.0.113.9']) expect(opens({ from, to: api, port: 8080 })).toBe(false);
  });

  test('Prometheus reaches the metrics of both and nothing else', () => {
    expect(opens({ from: prometheus, to: api, port: 9090 })).toBe(true);
    expect(opens({ from: prometheus, to: jobs, port: 8081 })).toBe(true);
    expect(opens({ from: prometheus, to: api, port: 8080 })).toBe(false);
    for (const to of [api, jobs]) expect(opens({ from: stranger, to, port: 9090 })).toBe(false);
  });

  if (overlay === 'production') {
    test('jobs reach AWS and the endpoint of their role', () => {
      expect(opens({ from: jobs, to: AWS, port: 443 })).toBe(true);
      expect(opens({ from: jobs, to: '2600:1f18::1', port: 443 })).toBe(true);
      expect(opens({ from: jobs, to: AWS, port: 80 })).toBe(false);
      for (const to of POD_IDENTITY) expect(opens({ from: jobs, to, port: 80 })).toBe(true);
    });

    test('both reach the addresses of Redis, which are nobody until they are written down', () => {
      for (const from of [api, jobs]) {
        expect(opens({ from, to: '192.0.2.10', port: 6379 })).toBe(true);
        expect(opens({ from, to: '192.0.2.10', port: 22 })).toBe(false);
        expect(opens({ from, to: pod('redis'), port: 6379 })).toBe(false);
      }
    });
  }

  if (overlay === 'simulator') {
    test('nothing leaves the cluster', () => {
      for (const from of [api, jobs, pod('redis'), pod('aegis-sim')]) {
        for (const to of [AWS, ...POD_IDENTITY, '203.0.113.9'])
          for (const port of [80, 443]) expect(opens({ from, to, port })).toBe(false);
      }
    });

    test('jobs find their EC2 in the simulator, whose relays call home to the api', () => {
      expect(opens({ from: jobs, to: pod('aegis-sim'), port: 8082 })).toBe(true);
      expect(opens({ from: api, to: pod('aegis-sim'), port: 8082 })).toBe(false);
      expect(opens({ from: pod('aegis-sim'), to: api, port: 8080 })).toBe(true);
    });

    test('Redis is for the apps alone', () => {
      for (const from of [api, jobs]) expect(opens({ from, to: pod('redis'), port: 6379 })).toBe(true);
      for (const from of [pod('aegis-sim'), stranger, ingressController])
        expect(opens({ from, to: pod('redis'), port: 6379 })).toBe(false);
    });
  }
});
