/** What a PromQL expression asks for: `metric{label="value"}` becomes the name and its matchers. */
export interface Selector {
  readonly metric: string;
  readonly matchers: readonly { readonly label: string; readonly operator: string; readonly value: string }[];
}

const KEYWORDS = /^(?:by|without|on|ignoring|group_left|group_right|and|or|unless|bool|offset|inf|nan|atan2)$/i;
const STRING = /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/g;

/** Finds the selectors of an expression. Enough of a parser for well-formed expressions: promtool refuses the others. */
export function findSelectors(expression: string): Selector[] {
  const strings: string[] = [];
  const text = expression
    .replace(/#.*$/gm, '')
    .replace(STRING, (literal) => `"${strings.push(literal.slice(1, -1)) - 1}"`)
    .replace(/\[[^\]]*\]/g, ' ')
    .replace(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/gi, ' ');
  const selectors: Selector[] = [];
  for (const [, metric = '', next = '', braces = ''] of text.matchAll(
    /(?<![\w:.])([a-zA-Z_:][\w:]*)\s*(\(|\{([^}]*)\})?/g,
  )) {
    if (next === '(' || KEYWORDS.test(metric)) continue;
    const matchers = [...braces.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"(\d+)"/g)].map(
      ([, label = '', operator = '', index]) => ({ label, operator, value: strings[Number(index)] ?? '' }),
    );
    selectors.push({ metric, matchers });
  }
  return selectors;
}
