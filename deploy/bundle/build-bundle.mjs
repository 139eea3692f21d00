import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { foldSchemaKeys } from './fold-schema-keys.mjs';
import { keepOwnAddresses } from './keep-own-addresses.mjs';
import { markPure } from './mark-pure.mjs';
import { narrowImports } from './narrow-imports.mjs';
import { ownSourceMap } from './own-source-map.mjs';
import { thirdPartyNotice } from './third-party-notice.mjs';

const RATE_LIMITERS = Object.fromEntries(
  ['RateLimiterMemory', 'RateLimiterRedis', 'RateLimiterRes'].map((name) => [name, `lib/${name}.js`]),
);

/** The files of an app's bundle by their names, and the paths of all that it was made of. */
export async function buildBundle({ root, folder, app }) {
  const { metafile, outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [`apps/${app}/dist/main.js`],
    outfile: join(folder, `aegis-${app}.mjs`),
    bundle: true,
    platform: 'node',
    target: 'node20.12',
    format: 'esm',
    // ES modules before CommonJS: of them what is not used can be left out.
    mainFields: ['module', 'main'],
    // BullMQ only packs with it; the usual entry would look for a native accelerator of unpacking.
    alias: { msgpackr: 'msgpackr/pack' },
    // CommonJS packages ask for Node's own modules by `require`, which an ES module has to make.
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
    // Names stay as they are, for stack traces; lines stay short, because Node prints the one that did not compile.
    minifySyntax: true,
    minifyWhitespace: true,
    lineLimit: 200,
    sourcemap: true,
    sourcesContent: false,
    legalComments: 'none',
    logLevel: 'warning',
    metafile: true,
    write: false,
    plugins: [
      keepOwnAddresses(root, folder),
      foldSchemaKeys(),
      markPure(['bullmq']),
      narrowImports('rate-limiter-flexible', RATE_LIMITERS),
    ],
  });
  const files = outputFiles.map(({ path, text }) => [
    basename(path),
    path.endsWith('.map') ? ownSourceMap(text) : text,
  ]);
  return {
    files: { ...Object.fromEntries(files), 'THIRD-PARTY.txt': await thirdPartyNotice(root, metafile) },
    inputs: Object.keys(metafile.inputs).filter((path) => !path.startsWith('narrowed:')),
  };
}
