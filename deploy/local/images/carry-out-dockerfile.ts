import { execFile } from 'node:child_process';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { copyContext } from '../e2e/packaging/build-context.js';
import { readDockerfile, type Stage, type Step } from '../e2e/packaging/read-dockerfile.js';
import { baseSystem, linkSystemFolders, registryEnv } from './base-system.js';
import { inRoot } from './in-root.js';

const run = promisify(execFile);

/** Of a step of a container engine. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const MOST_OUTPUT = 1 << 26;

interface Build {
  /** Holds the context and a root for each stage. */
  dir: string;
  /** Of `RUN --mount=type=cache`; builds may share it. */
  cacheDir: string;
  stages: readonly Stage[];
}

/** A stage under way. */
interface Standing {
  root: string;
  folder: string;
  /** Whether its base is an image with a system in it. */
  hasSystem: boolean;
}

const rootOf = ({ dir }: Build, stage: string): string => join(dir, 'stages', stage);

/** Copies as COPY does: of a folder what is in it, of files the files, owned by root. */
async function copy(build: Build, { root, folder }: Standing, { text, flags }: Step): Promise<void> {
  const words = text.split(/\s+/);
  const from = flags.from === undefined ? join(build.dir, 'context') : rootOf(build, flags.from);
  const target = join(root, words.at(-1)?.startsWith('/') ? '' : folder, words.at(-1) ?? '');
  await mkdir(target, { recursive: true });
  for (const word of words.slice(0, -1)) {
    const source = join(from, word);
    const isFolder = (await stat(source)).isDirectory();
    await run('cp', ['-a', '--no-preserve=ownership', isFolder ? `${source}/.` : source, target]);
  }
}

/** `--mount=type=cache,target=FOLDER`: a folder that is no part of the stage. */
async function cacheMounts({ cacheDir }: Build, { flags }: Step) {
  if (flags.mount === undefined) return [];
  const options = Object.fromEntries(flags.mount.split(',').map((option) => option.split('=')));
  if (options.type !== 'cache') throw new Error(`--mount=${flags.mount} is not carried out: teach it to cacheMounts`);
  const source = join(cacheDir, options.target.replaceAll('/', '_'));
  await mkdir(source, { recursive: true });
  return [{ source, target: options.target, writable: true }];
}

async function runStep(build: Build, { root, folder, hasSystem }: Standing, step: Step): Promise<void> {
  if (!hasSystem) throw new Error(`RUN ${step.text}: there is no shell in an empty image`);
  const [command, args] = inRoot({
    root,
    readOnly: false,
    user: '0:0',
    folder,
    mounts: [...baseSystem(), ...(await cacheMounts(build, step))],
    command: ['/bin/sh', '-c', step.text],
  });
  await mkdir(join(root, 'tmp'), { recursive: true });
  const env = { ...registryEnv(), PATH: `${dirname(process.execPath)}:${PATH}`, HOME: '/root', CI: 'true' };
  await run(command, args, { env, maxBuffer: MOST_OUTPUT });
}

/** Takes over the base: nothing, this machine's system, or the root of an earlier stage. */
async function begin(build: Build, stage: Stage): Promise<Standing> {
  const root = rootOf(build, stage.name);
  await mkdir(dirname(root), { recursive: true });
  const base = build.stages.find(({ name }) => name === stage.from);
  if (base !== undefined) {
    // Linked, not copied: npm and our scripts replace files, they never write into one.
    await run('cp', ['-al', rootOf(build, base.name), root]);
    return { root, ...inherited(build, base) };
  }
  await mkdir(root);
  if (stage.from !== 'scratch') linkSystemFolders(root);
  return { root, folder: '/', hasSystem: stage.from !== 'scratch' };
}

function inherited(build: Build, stage: Stage): Pick<Standing, 'folder' | 'hasSystem'> {
  const base = build.stages.find(({ name }) => name === stage.from);
  const before = base === undefined ? { folder: '/', hasSystem: stage.from !== 'scratch' } : inherited(build, base);
  return { ...before, folder: stage.steps.findLast(({ keyword }) => keyword === 'WORKDIR')?.text ?? before.folder };
}

async function carryOut(build: Build, stage: Stage): Promise<void> {
  const standing = await begin(build, stage);
  for (const step of stage.steps) {
    if (step.keyword === 'WORKDIR') {
      standing.folder = step.text;
      await mkdir(join(standing.root, step.text), { recursive: true });
    } else if (step.keyword === 'COPY') await copy(build, standing, step);
    else await runStep(build, standing, step);
  }
}

/**
 * Carries out every step of deploy/docker/Dockerfile in an empty folder, in the order of the file. Resolves with the
 * folder that holds the root file system of each stage under the stage's name.
 */
export async function carryOutDockerfile({ dir, cacheDir }: Omit<Build, 'stages'>): Promise<string> {
  await mkdir(dir, { recursive: true });
  if ((await readdir(dir)).length > 0) throw new Error(`${dir} is not empty`);
  await copyContext(join(dir, 'context'));
  const build: Build = { dir, cacheDir, stages: readDockerfile() };
  for (const stage of build.stages) await carryOut(build, stage);
  return join(dir, 'stages');
}
