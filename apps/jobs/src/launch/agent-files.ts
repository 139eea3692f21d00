import { readFileSync } from 'node:fs';
import type { RegionConfig } from '@aegis/config';

/** Beside `src` and `dist`, so that both find it. */
const FOLDER = new URL('../../agent/', import.meta.url);
const SCRIPT = '/usr/local/sbin/aegis-relay-agent';
const UNIT_FOLDER = '/etc/systemd/system';

/** A file that user data puts on the relay. */
export interface AgentFile {
  path: string;
  permissions: string;
  content: string;
}

export interface AgentInstallation {
  files: AgentFile[];
  /** What to run once the files are there. */
  commands: string[][];
}

type Container = NonNullable<RegionConfig['container']>;

/** What makes a plain AMI a relay: the agent, its dead-man timer and, where one is configured, the container. */
export function agentInstallation(container: Container | undefined): AgentInstallation {
  const files = [
    { path: SCRIPT, permissions: '0755', content: withoutComments(read('relay-agent.sh')) },
    ...['aegis-dead-man.service', 'aegis-dead-man.timer', 'aegis-relay-agent.service'].map(unit),
    ...(container === undefined ? [] : [unit('aegis-relay.service'), ...containerFiles(container)]),
  ];
  const commands = [
    ['systemctl', 'daemon-reload'],
    // First, so that the machine ends in time whatever becomes of the rest.
    start('aegis-dead-man.timer'),
    [SCRIPT, 'prepare'],
    start('aegis-relay-agent.service'),
    ...(container === undefined ? [] : [start('aegis-relay.service')]),
  ];
  return { files, commands };
}

/** Without waiting for the unit: it may wait for what comes after cloud-init. */
function start(name: string): string[] {
  return ['systemctl', 'enable', '--now', '--no-block', name];
}

/** The image and then its options, and the environment, as the script's `container` part reads them. */
function containerFiles({ image, ports, env, options }: Container): AgentFile[] {
  const published = ports.map((port) => `--publish=${withHostPort(port)}`);
  return [
    { path: '/etc/aegis/container.args', permissions: '0600', content: lines([image, ...published, ...options]) },
    { path: '/etc/aegis/container.env', permissions: '0600', content: lines(env) },
  ];
}

/** Docker gives a lone port a random one outside, which nobody would find. */
function withHostPort(port: string): string {
  if (port.includes(':')) return port;
  const [range = ''] = port.split('/');
  return `${range}:${port}`;
}

function unit(name: string): AgentFile {
  return { path: `${UNIT_FOLDER}/${name}`, permissions: '0644', content: read(name) };
}

function read(name: string): string {
  return readFileSync(new URL(name, FOLDER), 'utf8');
}

/** User data is small: what explains the script stays at home. */
function withoutComments(script: string): string {
  return lines(script.split('\n').filter((line) => line.startsWith('#!') || !/^\s*(#|$)/.test(line)));
}

function lines(list: readonly string[]): string {
  return list.map((line) => `${line}\n`).join('');
}
