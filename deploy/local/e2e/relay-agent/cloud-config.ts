import { gunzipSync } from 'node:zlib';
import { parse } from 'yaml';

/** The parts of a `#cloud-config` document that relays use. */
export interface CloudConfig {
  write_files: CloudFile[];
  runcmd: string[][];
}

export interface CloudFile {
  path: string;
  permissions: string;
  content: string;
  encoding?: 'gz+b64';
}

export function readCloudConfig(userData: string): CloudConfig {
  if (!userData.startsWith('#cloud-config\n')) throw new Error('cloud-init would take it for something else');
  return parse(userData) as CloudConfig;
}

/** What cloud-init writes into the file. */
export function contentOf({ content, encoding }: CloudFile): string {
  return encoding === undefined ? content : gunzipSync(Buffer.from(content, 'base64')).toString('utf8');
}

export function fileOf(document: CloudConfig, path: string): string {
  const file = document.write_files.find((candidate) => candidate.path === path);
  if (file === undefined) throw new Error(`no ${path} in the user data`);
  return contentOf(file);
}
