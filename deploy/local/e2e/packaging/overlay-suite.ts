import { describe, test } from '@jest/globals';
import { buildOverlay, findKubectl, type Manifest, OVERLAYS, type Overlay } from './kustomize.js';

const kubectl = findKubectl();
// A CI that checks less than it says is a broken CI: there a missing program fails the tests.
const skipped = kubectl === null && !process.env.CI;
if (skipped) process.stderr.write('skipped: deploy/kubernetes needs kubectl 1.27 or newer on PATH\n');

const built = new Map<Overlay, readonly Manifest[]>();

/** All objects of an overlay, built once. */
export function overlayObjects(overlay: Overlay): readonly Manifest[] {
  const objects = built.get(overlay) ?? buildOverlay(kubectl ?? 'kubectl', overlay);
  built.set(overlay, objects);
  return objects;
}

/** A test that builds overlays, skipped where nothing can build one. */
export const overlayTest = skipped ? test.skip : test;

/** Runs the tests of a suite for each overlay, or skips them where nothing can build one. */
export function describeOverlays(title: string, suite: (overlay: Overlay, objects: readonly Manifest[]) => void): void {
  (skipped ? describe.skip : describe).each(OVERLAYS)(`${title}: %s`, (overlay) => {
    suite(overlay, skipped ? [] : overlayObjects(overlay));
  });
}
