import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { findProgram } from '../../src/monitoring.js';
import { repositoryPath } from '../../src/repository.js';

/** What every object has; the rest is as its kind says. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
}

export const OVERLAYS = ['production', 'simulator'] as const;
export type Overlay = (typeof OVERLAYS)[number];

/** The first kubectl whose kustomize knows components, which Debian 12's (1.20) does not. */
const OLDEST_KUSTOMIZE = 5;

function kustomizeMajor(kubectl: string): number {
  const text = execFileSync(kubectl, ['version', '--client', '-o', 'json'], { encoding: 'utf8' });
  return Number(/^v(\d+)\./.exec(JSON.parse(text).kustomizeVersion)?.[1] ?? 0);
}

/** The kubectl that the bootstrap fetched, or the machine's own; null when there is none that is fit. */
export function findKubectl(): string | null {
  const fetched = repositoryPath('.aegis/tools/kubectl');
  if (existsSync(fetched)) return fetched;
  const own = findProgram('kubectl');
  return own !== null && kustomizeMajor(own) >= OLDEST_KUSTOMIZE ? own : null;
}

/** All objects of an overlay, as `kubectl apply -k` would send them. */
export function buildOverlay(kubectl: string, overlay: Overlay): Manifest[] {
  const text = execFileSync(kubectl, ['kustomize', repositoryPath(`deploy/kubernetes/overlays/${overlay}`)], {
    encoding: 'utf8',
    maxBuffer: 1 << 24,
  });
  // Kubernetes reads YAML 1.1.
  return parseAllDocuments(text, { version: '1.1' }).map((document) => {
    if (document.errors[0] !== undefined) throw document.errors[0];
    return document.toJS() as Manifest;
  });
}

/** The objects of a kind, or of one name where it is given; that there is none is an error. */
export function objectsOf<T extends Manifest>(objects: readonly Manifest[], kind: string, name?: string): T[] {
  const found = objects.filter((each) => each.kind === kind && (name === undefined || each.metadata.name === name));
  if (found.length === 0) throw new Error(`no ${kind} ${name ?? ''}`);
  return found as T[];
}
