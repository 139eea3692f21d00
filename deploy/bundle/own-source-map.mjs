import { decode, encode } from '@jridgewell/sourcemap-codec';

const isOwn = (source) => !source.includes('node_modules/');

/**
 * The part of a bundle's source map that leads to our own sources. Node reads the whole map as it starts, and a line of a
 * package is found in the bundle itself, under a comment that names the package's file.
 */
export function ownSourceMap(text) {
  const map = JSON.parse(text);
  const sources = map.sources.filter(isOwn);
  const places = map.sources.map((source) => sources.indexOf(source));
  let inOwn = false;
  const mappings = decode(map.mappings).map((line) =>
    line.flatMap(([column, source, sourceLine, sourceColumn]) => {
      const place = source === undefined ? -1 : places[source];
      if (place >= 0) {
        inOwn = true;
        return [[column, place, sourceLine, sourceColumn]];
      }
      // Node takes the nearest mapping before a place: the first foreign one must say that it leads nowhere.
      if (!inOwn) return [];
      inOwn = false;
      return [[column]];
    }),
  );
  return JSON.stringify({ version: 3, sources, names: [], mappings: encode(mappings) });
}
