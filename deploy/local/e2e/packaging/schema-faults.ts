import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { repositoryPath } from '../../src/repository.js';
import type { Manifest } from './kustomize.js';

const { resolve } = createRequire(import.meta.url);

/** The packages that carry the published OpenAPI schemas and CRDs, as validators and as types. */
function packageOf({ apiVersion }: Manifest): string {
  return apiVersion.startsWith('monitoring.coreos.com/')
    ? '@kubernetes-models/prometheus-operator'
    : 'kubernetes-models';
}

function nameOf({ kind, metadata }: Manifest): string {
  return `${kind}/${metadata.name}`;
}

/** Reads `[{ module, object }]` and writes what each validator says of its object, null when it is content. */
const VALIDATE = `
  let input = '';
  for await (const chunk of process.stdin) input += chunk;
  const answers = [];
  for (const { module, object } of JSON.parse(input)) {
    const { [object.kind]: Model } = await import(module);
    try {
      new Model(object).validate();
      answers.push(null);
    } catch (error) {
      answers.push(error.message);
    }
  }
  console.log(JSON.stringify(answers));`;

/**
 * The validators know types, formats and what is required, but let unknown fields pass, as an API server does. They are
 * hundreds of small modules, which Node itself loads much faster than Jest.
 */
async function validatorFaults(objects: readonly Manifest[]): Promise<string[]> {
  const input = objects.map((object) => ({
    module: `${packageOf(object)}/${object.apiVersion}/${object.kind}`,
    object,
  }));
  const answers: (string | null)[] = await new Promise((done, fail) => {
    const options = { cwd: repositoryPath('deploy/local') };
    const args = ['--input-type=module', '-e', VALIDATE];
    const child = execFile(process.execPath, args, options, (error, out) =>
      error ? fail(error) : done(JSON.parse(out)),
    );
    child.stdin?.end(JSON.stringify(input));
  });
  return objects.flatMap((object, index) => (answers[index] === null ? [] : [`${nameOf(object)}: ${answers[index]}`]));
}

const FLAGS = '--ignoreConfig --noEmit --pretty false --strict --skipLibCheck --lib es2022 --module esnext'.split(' ');
const COMPILER = [repositoryPath('node_modules/typescript/bin/tsc'), ...FLAGS, '--moduleResolution', 'bundler'];

/** The compiler holds an object literal against its type and refuses fields that the type does not have, at any depth. */
async function compilerFaults(objects: readonly Manifest[]): Promise<string[]> {
  const dir = await mkdtemp(join(tmpdir(), 'aegis-manifests-'));
  const file = join(dir, 'manifests.ts');
  // One line for each object, so that the line of a fault names it.
  const lines = objects.map((object, index) => {
    const path = join(dirname(resolve(packageOf(object))), object.apiVersion, object.kind);
    const type = `import(${JSON.stringify(path)}).I${object.kind}`;
    return `export const object${index}: ${type} = ${JSON.stringify(object)};`;
  });
  await writeFile(file, lines.join('\n'));
  const { code, stdout } = await new Promise<{ code: unknown; stdout: string }>((done) => {
    execFile(process.execPath, [...COMPILER, file], (error, out) => done({ code: error?.code ?? 0, stdout: out }));
  });
  await rm(dir, { recursive: true });
  const faults = stdout.split('\n').flatMap((line) => {
    const [, number, problem] = /manifests\.ts\((\d+),\d+\): error TS\d+: (.*)$/.exec(line) ?? [];
    const object = objects[Number(number) - 1];
    return object === undefined || problem === undefined ? [] : [`${nameOf(object)}: ${problem}`];
  });
  if (code !== 0 && faults.length === 0) throw new Error(`the compiler did not run: ${stdout}`);
  return faults;
}

/** What the published schemas have against these objects, each with the object's kind and name; empty when all is well. */
export async function schemaFaults(objects: readonly Manifest[]): Promise<string[]> {
  const faults = await Promise.all([validatorFaults(objects), compilerFaults(objects)]);
  return faults.flat();
}
