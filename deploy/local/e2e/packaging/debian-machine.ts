import { type ChildProcess, type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { repositoryPath } from '../../src/repository.js';

const SUITE = 'trixie';
const MIRROR = 'http://deb.debian.org/debian';
/** What an installed Debian has that a minimal root has not. */
const INCLUDED = 'systemd,systemd-sysv,dbus,ca-certificates,iproute2,procps';
/** The installed system, packed: only the first boot has to fetch it. */
const CACHE = repositoryPath(`.aegis/debian-${SUITE}.tar`);
/** What apt and npm have fetched, checked by both against their own lists: later runs fetch only what is new. */
const PACKAGE_CACHES = [
  { here: repositoryPath('.aegis/debian-packages'), there: '/var/cache/apt/archives' },
  { here: repositoryPath('.aegis/debian-npm'), there: '/root/.npm' },
];
/** Hosts with the old hierarchies have the unified one beside them. */
const CGROUP_ROOTS = existsSync('/sys/fs/cgroup/cgroup.procs')
  ? ['/sys/fs/cgroup']
  : ['/sys/fs/cgroup/unified', '/sys/fs/cgroup/systemd'];
const NSPAWN_OPTIONS = [
  '--register=no',
  '--keep-unit',
  '--private-network',
  '--resolv-conf=off',
  '--machine=aegis',
  '--boot',
  // Without these the systemd inside leaves IPAddressDeny= without effect, and says nothing.
  '--system-call-filter=bpf',
  '--capability=CAP_BPF,CAP_NET_ADMIN',
];
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

export interface Outcome {
  code: number | null;
  /** Standard output and standard error. */
  output: string;
}

function run(command: string, args: string[], running?: Set<ChildProcess>): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(command, args, { maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      running?.delete(child);
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
      resolve({ code, output: `${stdout}${stderr}` });
    });
    running?.add(child);
    child.stdin?.end();
  });
}

async function must(command: string, args: string[]): Promise<void> {
  const { code, output } = await run(command, args);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output.slice(-2_000)}`);
}

async function installDebian(root: string): Promise<void> {
  if (!existsSync(CACHE)) {
    await must('debootstrap', ['--variant=minbase', `--include=${INCLUDED}`, SUITE, root, MIRROR]);
    mkdirSync(repositoryPath('.aegis'), { recursive: true });
    await must('tar', ['-C', root, '-cf', `${CACHE}.new`, '.']);
    renameSync(`${CACHE}.new`, CACHE);
  } else await must('tar', ['-C', root, '-xf', CACHE]);
}

/** The process that is number 1 inside: the child of systemd-nspawn. */
async function leaderOf(nspawn: ChildProcess): Promise<number> {
  for (;;) {
    if (nspawn.exitCode !== null) throw new Error('systemd-nspawn ended: see its output');
    const children = readFileSync(`/proc/${nspawn.pid}/task/${nspawn.pid}/children`, 'utf8').trim().split(' ');
    const leader = children.find((pid) => pid !== '' && readFileSync(`/proc/${pid}/comm`, 'utf8') === 'systemd\n');
    if (leader !== undefined) return Number(leader);
    await delay(50);
  }
}

async function end(child: ChildProcess | undefined, patienceMs: number): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), patienceMs);
  await gone;
  clearTimeout(late);
}

/**
 * A fresh Debian with its own systemd as process 1, in namespaces of its own: it shares the kernel with this machine, but
 * neither files, processes nor network; it reaches the outside through slirp4netns. Needs root, and no engine.
 */
export class DebianMachine {
  #nspawn: ChildProcess | undefined;
  #network: ChildProcess | undefined;
  /** Ways into the machine. One that is left open when it goes down stops with it and keeps it from ending. */
  readonly #visits = new Set<ChildProcess>();
  #leader = 0;
  #console = '';

  private constructor(
    private readonly dir: string,
    private readonly share: string,
  ) {}

  /** Boots one that sees the folder `share` as /mnt/share, to read. */
  static async boot(options: { share: string }): Promise<DebianMachine> {
    const machine = new DebianMachine(mkdtempSync(join(tmpdir(), 'aegis-debian-')), options.share);
    try {
      await machine.#boot();
      return machine;
    } catch (error) {
      await machine.stop();
      throw new Error(`${error instanceof Error ? error.message : error}\n${machine.#console}`);
    }
  }

  async #boot(): Promise<void> {
    // In memory, because what is installed into it is written once and thrown away.
    await must('mount', ['-t', 'tmpfs', '-o', 'size=4G,mode=0755', 'tmpfs', this.dir]);
    const root = join(this.dir, 'root');
    mkdirSync(root);
    await installDebian(root);
    rmSync(join(root, 'etc/resolv.conf'), { force: true });
    writeFileSync(join(root, 'etc/resolv.conf'), 'nameserver 10.0.2.3\n');
    this.#trustWhatWeTrust(root);

    const nspawn = this.#startNspawn(root);
    this.#nspawn = nspawn;
    const keep = (text: Buffer) => {
      this.#console = `${this.#console}${text}`.slice(-10_000);
    };
    nspawn.stdout.on('data', keep);
    nspawn.stderr.on('data', keep);
    this.#leader = await leaderOf(nspawn);
    this.#network = spawn(
      'slirp4netns',
      ['--configure', '--mtu=65520', '--disable-host-loopback', String(this.#leader), 'tap0'],
      { stdio: 'ignore' },
    );
    await this.#untilUp();
  }

  #startNspawn(root: string): ChildProcessByStdio<null, Readable, Readable> {
    for (const { here } of PACKAGE_CACHES) mkdirSync(join(here, 'partial'), { recursive: true });
    const cgroups = CGROUP_ROOTS.map((folder) => join(folder, this.#cgroup));
    const enter = cgroups.map((folder) => `mkdir -p ${folder} && echo $$ > ${folder}/cgroup.procs`).join(' && ');
    const binds = PACKAGE_CACHES.map(({ here, there }) => `--bind=${here}:${there}`);
    const options = [...NSPAWN_OPTIONS, `--bind-ro=${this.share}:/mnt/share`, ...binds];
    return spawn('sh', ['-c', `${enter} && exec systemd-nspawn "$@"`, 'sh', ...options, '-D', root], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1' },
    });
  }

  /** A machine behind a proxy with a CA of its own trusts it; so must this one. */
  #trustWhatWeTrust(root: string): void {
    const file = process.env.NODE_EXTRA_CA_CERTS;
    if (file) cpSync(file, join(root, 'etc/machine-ca.crt'), { dereference: true });
  }

  async #untilUp(): Promise<void> {
    const script =
      'until systemctl is-system-running --wait && ip -4 addr show dev tap0 | grep -q inet; do sleep 0.1; done';
    const { code, output } = await this.run(`timeout 120 bash -c '${script}'`);
    if (code !== 0) throw new Error(`Debian did not come up: ${output}`);
  }

  get #cgroup(): string {
    return `aegis-debian-${process.pid}`;
  }

  /** Carries out a script as root at a prompt would, except that it stops at the first command that fails. */
  run(script: string, env: Record<string, string> = {}): Promise<Outcome> {
    const ca = existsSync(join(this.dir, 'root/etc/machine-ca.crt')) ? ['NODE_EXTRA_CA_CERTS=/etc/machine-ca.crt'] : [];
    const variables = [
      `PATH=${PATH}`,
      'HOME=/root',
      'LANG=C.UTF-8',
      ...ca,
      ...Object.entries(env).map((each) => each.join('=')),
    ];
    const namespaces = ['--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup'];
    const command = [...namespaces, 'env', '-i', ...variables, 'bash', '-euc', script];
    return run('nsenter', ['--target', String(this.#leader), ...command], this.#visits);
  }

  /** What it has shown on its console lately. */
  get console(): string {
    return this.#console;
  }

  /** Resolves once it has gone down by itself; false: it has not, in this time. */
  async wentDown(withinMs: number): Promise<boolean> {
    const nspawn = this.#nspawn;
    if (nspawn === undefined || nspawn.exitCode !== null) return true;
    const patience = new AbortController();
    const late = delay(withinMs, false, { signal: patience.signal }).catch(() => false);
    const down = await Promise.race([once(nspawn, 'exit').then(() => true), late]);
    patience.abort();
    return down;
  }

  async stop(): Promise<void> {
    for (const visit of this.#visits) visit.kill('SIGKILL');
    await end(this.#network, 5_000);
    await end(this.#nspawn, 60_000);
    await run('umount', [this.dir]);
    rmdirSync(this.dir);
    for (const folder of CGROUP_ROOTS)
      await run('find', [join(folder, this.#cgroup), '-depth', '-type', 'd', '-delete']);
  }
}
