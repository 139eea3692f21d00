/**
 * For CommonJS packages whose index loads all they have: `parts` says in which file each name that we import is. A name that
 * is not there fails the build.
 */
export function narrowImports(name, parts) {
  return {
    name: 'narrow-imports',
    setup(build) {
      build.onResolve({ filter: new RegExp(`^${name}$`) }, ({ resolveDir }) => ({
        path: name,
        namespace: 'narrowed',
        pluginData: resolveDir,
      }));
      build.onLoad({ filter: new RegExp(`^${name}$`), namespace: 'narrowed' }, ({ pluginData }) => ({
        contents: Object.entries(parts)
          .map(([part, file]) => `export { default as ${part} } from '${name}/${file}';`)
          .join('\n'),
        resolveDir: pluginData,
      }));
    },
  };
}
