import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Of each file that is in a bundle, the folder of its package: `node_modules/a` or `node_modules/a/node_modules/@b/c`. */
function packagesIn({ outputs }) {
  const used = Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
  );
  const folders = used.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  return [...new Set(folders)].sort();
}

async function noticeOf(folder) {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const texts = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file)).sort();
  const contents = await Promise.all(texts.map((file) => readFile(join(folder, file), 'utf8')));
  return [`== ${name} ${version} (${license})`, ...contents.map((text) => text.trim())].join('\n\n');
}

/** What a bundle holds of others, with the licences they ask to be passed on. */
export async function thirdPartyNotice(root, metafile) {
  const notices = await Promise.all(packagesIn(metafile).map((folder) => noticeOf(join(root, folder))));
  return `${['This program holds, wholly or in part, the packages below.', ...notices].join('\n\n')}\n`;
}
