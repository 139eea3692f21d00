import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findProgram } from '../../src/monitoring.js';
import { type CloudConfig, contentOf } from './cloud-config.js';

/** Everything the agent may call besides what a shell has; Amazon Linux 2023 and Debian have all of it. */
const PROGRAMS = ['curl', 'date', 'grep', 'head', 'mkdir', 'mv', 'od', 'sed', 'sleep', 'tr'];

export interface MachineOptions {
  userData: CloudConfig;
  metadataUrl: string;
  /** In place of what agent.json says. */
  settings?: Readonly<Record<string, unknown>>;
  env?: NodeJS.ProcessEnv;
  shell?: string;
  /** Writes down the arguments and the environment of every program that is started. */
  watched?: boolean;
  /** A program that the machine's image lacks. */
  without?: string;
}

export interface AgentRun {
  readonly child: ChildProcess;
  /** Resolves with its exit code, null when a signal ended it. */
  readonly ended: Promise<number | null>;
}

/** A machine as cloud-init leaves it, in a folder: the files of its user data, and programs that only write down their calls. */
export interface RelayMachine {
  /** Starts the installed script, as its units do. */
  start(part: 'run' | 'dead-man' | 'prepare' | 'container'): AgentRun;
  /** What the script printed so far. */
  output(): string;
  /** Calls of shutdown, systemctl, docker and apt-get so far: `shutdown -P now`. */
  calls(): Promise<string[]>;
  /** All that was seen of started programs, and all the script keeps. */
  traces(): Promise<string>;
  /** `false`: the container ends. */
  setContainer(runs: boolean): Promise<void>;
  close(): Promise<void>;
}

export async function createRelayMachine(options: MachineOptions): Promise<RelayMachine> {
  const root = await mkdtemp(join(tmpdir(), 'aegis-relay-'));
  const at = (path: string) => join(root, path);
  await installFiles(root, options);
  await installPrograms(root, options);
  const runs: AgentRun[] = [];
  let printed = '';
  const env = {
    PATH: at('bin'),
    AEGIS_AGENT_DIR: at('etc/aegis'),
    RUNTIME_DIRECTORY: at('run'),
    AWS_EC2_METADATA_SERVICE_ENDPOINT: options.metadataUrl,
    ...options.env,
  };
  return {
    start(part) {
      const script = at('usr/local/sbin/aegis-relay-agent');
      // A group of its own, so that nothing it started outlives the test.
      const child = spawn(options.shell ?? '/bin/sh', [script, part], { env, detached: true });
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          printed += text;
        });
      }
      const ended = once(child, 'close').then(([code]) => code as number | null);
      const run = { child, ended };
      runs.push(run);
      return run;
    },
    output: () => printed,
    calls: async () => (await readFile(at('calls'), 'utf8')).split('\n').filter((line) => line !== ''),
    async traces() {
      const kept = await Promise.all((await readdir(at('run'))).map((name) => readFile(at(`run/${name}`), 'utf8')));
      return [await readFile(at('seen'), 'utf8'), ...kept].join('\n');
    },
    setContainer: (up) => (up ? appendFile(at('container-up'), '') : rm(at('container-up'), { force: true })),
    async close() {
      for (const { child, ended } of runs) {
        endGroup(child);
        await ended;
      }
      await rm(root, { recursive: true, force: true });
    },
  };
}

function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody of it lives any more.
  }
}

async function installFiles(root: string, { userData, settings }: MachineOptions): Promise<void> {
  for (const file of userData.write_files) {
    const path = join(root, file.path);
    await mkdir(dirname(path), { recursive: true });
    let content = contentOf(file);
    if (settings !== undefined && path.endsWith('/agent.json')) {
      content = JSON.stringify({ ...(JSON.parse(content) as object), ...settings });
    }
    await writeFile(path, content);
    await chmod(path, Number.parseInt(file.permissions, 8));
  }
}

async function installPrograms(root: string, { watched = false, without }: MachineOptions): Promise<void> {
  const bin = join(root, 'bin');
  await mkdir(bin);
  await mkdir(join(root, 'run'));
  await Promise.all(['calls', 'seen'].map((name) => writeFile(join(root, name), '')));
  for (const name of PROGRAMS.filter((program) => program !== without)) {
    const program = findProgram(name);
    if (program === null) throw new Error(`${name} is not on PATH`);
    if (watched) await writeProgram(bin, name, watchedProgram(root, program));
    else await symlink(program, join(bin, name));
  }
  const record = `printf '%s\\n' "\${0##*/} $*" >>${root}/calls`;
  for (const name of ['shutdown', 'systemctl', 'apt-get']) await writeProgram(bin, name, record);
  await writeProgram(bin, 'docker', [record, ...fakeEngine(root)].join('\n'));
}

function watchedProgram(root: string, program: string): string {
  return [
    `{ printf '%s\\n' "$0 $*"; /usr/bin/tr '\\0' '\\n' </proc/$$/environ; } >>${root}/seen`,
    `exec ${program} "$@"`,
  ].join('\n');
}

function fakeEngine(root: string): string[] {
  return [
    'case "$*" in',
    `  run*) : >${root}/container-up ;;`,
    `  rm*|stop*) /bin/rm -f ${root}/container-up ;;`,
    '  *ExitCode*) echo 3 ;;',
    `  inspect*) if [ -e ${root}/container-up ]; then echo true; else echo false; fi ;;`,
    'esac',
  ];
}

async function writeProgram(bin: string, name: string, body: string): Promise<void> {
  await writeFile(join(bin, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
}
