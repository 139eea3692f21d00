import { dirname } from 'node:path';
import { type AegisConfig, loadConfig } from '@aegis/config';
import type { IDeployment } from 'kubernetes-models/apps/v1/Deployment';
import type { IContainer } from 'kubernetes-models/v1/Container';
import { type Manifest, objectsOf } from './kustomize.js';
import { readDockerfile, resolveStage } from './read-dockerfile.js';

type Files = Record<string, string>;

/** What an operator puts into a cluster by hand: the data of Secrets, by name. */
export type OwnSecrets = Record<string, Files>;

export type Deployment = Manifest & IDeployment;

export function podOf(deployment: Deployment) {
  const spec = deployment.spec?.template.spec;
  const container = spec?.containers[0];
  if (spec === undefined || container === undefined) throw new Error(`${deployment.metadata.name} has no container`);
  return { spec, container };
}

/** The environment a container starts with: of its image, then of its manifest. */
export function environmentOf(container: IContainer): Record<string, string> {
  const image = resolveStage(readDockerfile(), container.name);
  return { ...image.env, ...Object.fromEntries((container.env ?? []).map(({ name, value = '' }) => [name, value])) };
}

function dataOf(objects: readonly Manifest[], kind: 'ConfigMap' | 'Secret', name: string): Files {
  const [object] = objectsOf<Manifest & { data?: Files }>(objects, kind, name);
  const decode = (value: string) => (kind === 'Secret' ? Buffer.from(value, 'base64').toString() : value);
  return Object.fromEntries(Object.entries(object?.data ?? {}).map(([key, value]) => [key, decode(value)]));
}

/** The files that ConfigMaps and Secrets bring into a container, by their path there. */
function filesOf(objects: readonly Manifest[], deployment: Deployment, own: OwnSecrets): Files {
  const { spec, container } = podOf(deployment);
  const files = (container.volumeMounts ?? []).map(({ name, mountPath }): Files => {
    const volume = spec.volumes?.find((each) => each.name === name);
    const secret = volume?.secret?.secretName;
    const configMap = volume?.configMap?.name;
    const data =
      secret !== undefined
        ? (own[secret] ?? dataOf(objects, 'Secret', secret))
        : dataOf(objects, 'ConfigMap', configMap ?? `of volume ${name}`);
    return Object.fromEntries(Object.entries(data).map(([key, text]) => [`${mountPath}/${key}`, text]));
  });
  return Object.assign({}, ...files);
}

/** Loads the configuration as the process in the pod does: from its environment and the files mounted into it. */
export function loadPodConfig(objects: readonly Manifest[], deployment: Deployment, own: OwnSecrets): AegisConfig {
  const files = filesOf(objects, deployment, own);
  const readFile = (path: string): string => {
    const text = files[path];
    if (text !== undefined) return text;
    throw Object.assign(new Error(`no ${path} in ${dirname(path)}`), { code: 'ENOENT' });
  };
  return loadConfig({ env: environmentOf(podOf(deployment).container), readFile });
}
