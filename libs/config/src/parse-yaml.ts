import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import type { Path } from './raw-config.js';

export type ParsedYaml =
  | { ok: true; value: unknown; lineOf: (path: Path) => number | null }
  | { ok: false; errors: { line: number; message: string }[] };

/** YAML 1.2 (so JSON, too) with merge keys, `<<: *region`: regions are often alike. */
export function parseYaml(text: string): ParsedYaml {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, merge: true });
  if (document.errors.length > 0) {
    const errors = document.errors.map((error) => ({
      line: lines.linePos(error.pos[0]).line,
      message: firstLine(error.message),
    }));
    return { ok: false, errors };
  }
  try {
    return { ok: true, value: document.toJS(), lineOf: (path) => lineOf(document, lines, path) };
  } catch (error) {
    // Aliases that unfold without end are only found here.
    return { ok: false, errors: [{ line: 1, message: error instanceof Error ? error.message : String(error) }] };
  }
}

function lineOf(document: Document, lines: LineCounter, path: Path): number | null {
  const node = document.getIn(path, true);
  return isNode(node) && node.range ? lines.linePos(node.range[0]).line : null;
}

function firstLine(text: string): string {
  return (text.split('\n', 1)[0] ?? text).replace(/ at line \d+, column \d+:?$/, '');
}
