/** For packages whose modules only define things, as their package.json could say: what is not used of them is left out. */
export function markPure(packages) {
  const within = new RegExp(`/node_modules/(${packages.join('|')})/`);
  const asked = Symbol('asked');
  return {
    name: 'mark-pure',
    setup(build) {
      build.onResolve({ filter: new RegExp(`^(${packages.join('|')})$|^\\.`) }, async (args) => {
        if (args.pluginData === asked || !(packages.includes(args.path) || within.test(args.importer)))
          return undefined;
        const { importer, kind, namespace, resolveDir } = args;
        const found = await build.resolve(args.path, { importer, kind, namespace, resolveDir, pluginData: asked });
        return found.errors.length > 0 ? found : { ...found, sideEffects: false };
      });
    },
  };
}
