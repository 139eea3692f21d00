// deploy/kubernetes without a cluster: what kubectl would send, held against the published schemas, the images and the settings.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { hashApiKey, SETTINGS } from '@aegis/config';
import { expect, test } from '@jest/globals';
import type { IIngress } from 'kubernetes-models/networking.k8s.io/v1/Ingress';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import type { IService } from 'kubernetes-models/v1/Service';
import { repositoryPath } from '../../src/repository.js';
import { type Manifest, OVERLAYS, objectsOf } from './kustomize.js';
import { describeOverlays, overlayObjects, overlayTest } from './overlay-suite.js';
import { type Deployment, environmentOf, loadPodConfig, type OwnSecrets, podOf } from './pod-settings.js';
import { readDockerfile, resolveStage } from './read-dockerfile.js';
import { schemaFaults } from './schema-faults.js';

const APPS = ['api', 'jobs'] as const;
const stages = readDockerfile();
const image = (name: string) => resolveStage(stages, name);

const guide = readFileSync(repositoryPath('docs/install-kubernetes.md'), 'utf8');

/** The Secret that the guide has operators make, with the keys it names. */
function secretOfGuide(): OwnSecrets {
  const command = /kubectl -n aegis create secret generic (\S+)((?:\s+\\?\s*--from-\S+)+)/.exec(guide);
  const keys = [...(command?.[2]?.matchAll(/--from-file=([\w-]+)=/g) ?? [])].map(([, key = '']) => key);
  const values: Record<string, string> = {
    'aegis-secret': createHash('sha256').update('any').digest('hex'),
    'redis-url': 'rediss://aegis:password@redis.example.com:6379',
  };
  return { [command?.[1] ?? '']: Object.fromEntries(keys.map((key) => [key, values[key] ?? ''])) };
}

overlayTest(
  'all objects are valid by the published schemas and have no field that these do not know',
  async () => {
    const objects = OVERLAYS.flatMap(overlayObjects);
    const copy = () => structuredClone(objectsOf<Deployment>(objects, 'Deployment', 'aegis-api')[0] as Deployment);
    const wrong = copy();
    const wronger = copy();
    wrong.metadata.name = 'wrong';
    Object.assign(podOf(wrong).container, { imagePulPolicy: 'Always' });
    wronger.metadata.name = 'wronger';
    Object.assign(podOf(wronger).spec, { terminationGracePeriodSeconds: 1.5 });
    // The last two show that the check finds both kinds of fault.
    expect(await schemaFaults([...objects, wrong, wronger])).toEqual([
      expect.stringMatching(/^Deployment\/wronger: .*terminationGracePeriodSeconds must be integer/),
      expect.stringMatching(/^Deployment\/wrong: .*imagePulPolicy/),
    ]);
  },
  60_000,
);

test('the guide names every file of the production overlay that is to be changed', () => {
  const folder = repositoryPath('deploy/kubernetes/overlays/production');
  const marked = readdirSync(folder).filter((file) => readFileSync(`${folder}/${file}`, 'utf8').includes('# EDIT'));
  const named = [...guide.matchAll(/^\| `([\w-]+\.yaml)`/gm)].map(([, file]) => file);
  expect(named.sort()).toEqual(marked.sort());
});

describeOverlays('manifests', (overlay, objects) => {
  const own = overlay === 'production' ? secretOfGuide() : {};
  const deployments = () => objectsOf<Deployment>(objects, 'Deployment');
  const deployment = (app: string) => objectsOf<Deployment>(objects, 'Deployment', `aegis-${app}`)[0] as Deployment;

  test('no two objects have one name, and all but the namespace lie in it', () => {
    const names = objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(new Set(names).size).toBe(names.length);
    const [namespace] = objectsOf(objects, 'Namespace');
    for (const { kind, metadata } of objects) {
      expect(metadata.labels?.['app.kubernetes.io/part-of'] ?? 'generated').toMatch(/^aegis$|^generated$/);
      expect(metadata.namespace).toBe(kind === 'Namespace' ? undefined : namespace?.metadata.name);
    }
    expect(namespace?.metadata.labels?.['pod-security.kubernetes.io/enforce']).toBe('restricted');
  });

  test('every pod has as few rights as it can', () => {
    for (const each of deployments()) {
      const { spec, container } = podOf(each);
      expect(spec).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
      expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      expect(spec.securityContext?.runAsUser).toBeGreaterThan(0);
      expect(spec.hostNetwork ?? spec.hostPID ?? spec.hostIPC ?? false).toBe(false);
      expect(spec.containers).toHaveLength(1);
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(container.resources?.requests).toEqual({ cpu: expect.any(String), memory: expect.any(String) });
      expect(container.resources?.limits).toEqual({ memory: expect.any(String) });
      for (const volume of spec.volumes ?? []) expect(volume.hostPath).toBeUndefined();
    }
  });

  test('jobs alone may have a role, and the api has no word of AWS', () => {
    for (const account of objectsOf(objects, 'ServiceAccount')) {
      expect(account).toMatchObject({ automountServiceAccountToken: false });
      const roles = Object.keys(account.metadata.annotations ?? {});
      const mayHave = overlay === 'production' && account.metadata.name === 'aegis-jobs';
      expect(roles).toEqual(mayHave ? ['eks.amazonaws.com/role-arn'] : []);
    }
    expect(podOf(deployment('jobs')).spec.serviceAccountName).toBe('aegis-jobs');
    expect(podOf(deployment('api')).spec.serviceAccountName).toBe('aegis-api');
    expect(JSON.stringify(deployment('api'))).not.toMatch(/aws/i);
    expect(objects.map(({ kind }) => kind).filter((kind) => /Role/.test(kind))).toEqual([]);
    expect(environmentOf(podOf(deployment('jobs')).container).AWS_EC2_METADATA_DISABLED).toBe('true');
  });

  test.each(APPS)('no secret stands in the manifest of %s', (app) => {
    const { container } = podOf(deployment(app));
    expect(container.envFrom).toBeUndefined();
    const secrets = SETTINGS.filter(({ secret }) => secret).map(({ env }) => env);
    for (const { name } of container.env ?? []) expect(secrets).not.toContain(name);
  });

  test.each(APPS)('%s reads its settings from the files mounted into it', (app) => {
    const config = loadPodConfig(objects, deployment(app), own);
    expect(config.secret.length).toBeGreaterThanOrEqual(32);
    expect(config.redisUrl).toMatch(/^rediss?:/);
    const known = new Set(SETTINGS.flatMap(({ env, secret }) => (secret ? [env, `${env}_FILE`] : [env])));
    const names = Object.keys(environmentOf(podOf(deployment(app)).container));
    expect(names.filter((name) => !known.has(name) && !/^(AWS_\w+|NODE_ENV|AEGIS_CONFIG)$/.test(name))).toEqual([]);
  });

  test.each(APPS)('%s listens where its image and its settings say, and is probed there', (app) => {
    const { spec, container } = podOf(deployment(app));
    const config = loadPodConfig(objects, deployment(app), own);
    const portOf = (name: string) => container.ports?.find((port) => port.name === name)?.containerPort;
    expect([portOf('http')]).toEqual(image(app).ports);
    expect(config[app]).toMatchObject({ host: '0.0.0.0', port: portOf('http') });
    expect(config[app].metrics.port).toBe(portOf('metrics'));

    for (const probe of [container.startupProbe, container.livenessProbe])
      expect(probe?.httpGet).toEqual({ path: '/healthz', port: 'http' });
    expect(container.readinessProbe?.httpGet).toEqual({ path: '/readyz', port: 'http' });

    const [user, group] = (image(app).user ?? '').split(':').map(Number);
    expect(spec.securityContext).toMatchObject({ runAsUser: user, runAsGroup: group, fsGroup: group });
    expect(container.image).toMatch(
      new RegExp(`^(registry\\.example\\.com/)?${image(app).labels['org.opencontainers.image.title']}:`),
    );
    expect(container.command ?? container.args).toBeUndefined();
  });

  test.each(APPS)('%s is replaced without a gap and has the time to end', (app) => {
    const { spec } = deployment(app);
    const { spec: pod } = podOf(deployment(app));
    const config = loadPodConfig(objects, deployment(app), own);
    expect(spec?.strategy).toEqual({ type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } });
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(config.shutdownTimeoutSeconds + 10);
    const keys = pod.topologySpreadConstraints?.map(({ topologyKey }) => topologyKey);
    expect(keys).toEqual(['topology.kubernetes.io/zone', 'kubernetes.io/hostname']);
    if (overlay === 'production') expect(spec?.replicas).toBeGreaterThanOrEqual(2);
    const [budget] = objectsOf<Manifest & IPodDisruptionBudget>(objects, 'PodDisruptionBudget', `aegis-${app}`);
    expect(budget?.spec).toMatchObject({ maxUnavailable: 1, selector: spec?.selector });
  });

  test('selectors select the pods they are meant for, and Services lead to ports that exist', () => {
    const labels = new Map(
      deployments().map((each) => [each.metadata.name, each.spec?.template.metadata?.labels ?? {}]),
    );
    for (const each of deployments()) {
      const wanted = each.spec?.selector.matchLabels ?? {};
      expect(wanted).toEqual({ 'app.kubernetes.io/name': each.metadata.name });
      expect(labels.get(each.metadata.name)).toMatchObject(wanted);
      for (const constraint of podOf(each).spec.topologySpreadConstraints ?? [])
        expect(constraint.labelSelector?.matchLabels).toEqual(wanted);
      const [service] = objectsOf<Manifest & IService>(objects, 'Service', each.metadata.name);
      expect(service?.spec?.selector).toEqual(wanted);
      const open = (podOf(each).container.ports ?? []).map(({ name, containerPort }) => [name, containerPort]);
      expect(service?.spec?.ports?.map(({ targetPort, port }) => [targetPort, port])).toEqual(open);
    }
  });

  if (overlay === 'production') {
    test('the Ingress has the host that relays are told, and leads to nothing but the API', () => {
      const [ingress] = objectsOf<Manifest & IIngress>(objects, 'Ingress');
      const { host } = new URL(loadPodConfig(objects, deployment('api'), own).api.publicUrl);
      expect(ingress?.spec?.rules?.map((rule) => rule.host)).toEqual([host]);
      expect(ingress?.spec?.tls?.flatMap(({ hosts }) => hosts)).toEqual([host]);
      const paths = ingress?.spec?.rules?.[0]?.http?.paths ?? [];
      expect(paths.map(({ path }) => path)).toEqual(['/api/v1', '/openapi.json', '/docs']);
      for (const { backend } of paths) expect(backend.service).toEqual({ name: 'aegis-api', port: { name: 'http' } });
    });

    test('its own secrets are made by hand: none stands in the repository', () => {
      expect(objects.filter(({ kind }) => kind === 'Secret')).toEqual([]);
    });
  }

  if (overlay === 'simulator') {
    test('the key in the guide is one that the api takes', () => {
      const [, key = ''] = /Bearer (aegis-[\w-]+)/.exec(guide) ?? [];
      const { keys } = loadPodConfig(objects, deployment('api'), own).api;
      expect(keys.map(({ sha256 }) => sha256)).toEqual([hashApiKey(key)]);
    });

    test('the simulator is the image of the Dockerfile, and jobs use it as EC2', () => {
      const { spec, container } = podOf(deployment('sim'));
      expect(container.ports?.map(({ containerPort }) => containerPort)).toEqual(image('sim').ports);
      expect(image('sim').healthcheck?.at(-1)).toBe(container.readinessProbe?.httpGet?.path);
      expect(`${spec.securityContext?.runAsUser}:${spec.securityContext?.runAsGroup}`).toBe(image('sim').user);
      const { AWS_ENDPOINT_URL_EC2 } = environmentOf(podOf(deployment('jobs')).container);
      expect(AWS_ENDPOINT_URL_EC2).toBe(`http://aegis-sim:${image('sim').ports[0]}`);
    });
  }
});
