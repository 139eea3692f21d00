import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';

/**
 * Our modules find the files they read at run time (scripts in Lua, the agent's files, pages) by their own address. In the
 * bundle each keeps the one it has outside of it, so these files stay where they are, in the repository and in an image.
 */
export function keepOwnAddresses(root, outFolder) {
  return {
    name: 'keep-own-addresses',
    setup(build) {
      build.onLoad({ filter: /\/(apps|libs)\/[^/]+\/dist\/.*\.js$/ }, async ({ path }) => {
        if (relative(root, path).includes('node_modules')) return undefined;
        const text = await readFile(path, 'utf8');
        if (!text.includes('import.meta.url')) return undefined;
        const address = `new URL(${JSON.stringify(relative(outFolder, path))}, import.meta.url).href`;
        return { contents: text.replaceAll('import.meta.url', address) };
      });
    },
  };
}
