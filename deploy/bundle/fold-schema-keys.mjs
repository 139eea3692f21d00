import { readFile } from 'node:fs/promises';

/**
 * The AWS SDK describes all shapes of EC2 in one generated file of 1.3 MB, each by a constant, of which we use a few. They
 * hold keys such as `[_xN]`, where `const _xN = "xmlName"`: esbuild cannot know that computing such a key does nothing, and
 * keeps them all. With the keys written out it leaves out what is not used.
 */
export function foldSchemaKeys() {
  return {
    name: 'fold-schema-keys',
    setup(build) {
      build.onLoad({ filter: /\/@aws-sdk\/client-ec2\/dist-es\/schemas\/schemas_0\.js$/ }, async ({ path }) => {
        const text = await readFile(path, 'utf8');
        const strings = new Map(
          [...text.matchAll(/^const (_\w+) = ("[^"\\]*");$/gm)].map(([, name, string]) => [name, string]),
        );
        const contents = text.replace(/([{,]\s*)\[(_\w+)\]:/g, (whole, before, name) => {
          const key = strings.get(name);
          return key === undefined ? whole : `${before}${key}:`;
        });
        if (contents === text) throw new Error(`${path} is not what it was: see whether its keys still need this`);
        return { contents };
      });
    },
  };
}
