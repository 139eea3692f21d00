import { CATALOGUE, CONTRACT_FAMILIES, type FamilySpec } from './catalogue.js';

const START = '<!-- catalogue: written by `npm run docs -w libs/metrics`, do not edit -->';
const END = '<!-- end of catalogue -->';

/** The catalogue as Markdown tables for `docs/metrics.md`. */
export function renderCatalogue(): string {
  const contract = new Set<string>(CONTRACT_FAMILIES);
  const families = Object.entries<FamilySpec>(CATALOGUE);
  return [
    '### The contract',
    '',
    ...table(families.filter(([name]) => contract.has(name))),
    '',
    '### Beyond the contract',
    '',
    ...table(families.filter(([name]) => !contract.has(name))),
  ].join('\n');
}

/** `page` with what stands between the marks replaced. */
export function replaceCatalogue(page: string, catalogue: string): string {
  const start = page.indexOf(START);
  const end = page.indexOf(END);
  if (start < 0 || end < start) throw new Error('the page lacks the marks of the catalogue');
  return `${page.slice(0, start)}${START}\n\n${catalogue}\n\n${page.slice(end)}`;
}

function table(families: readonly [string, FamilySpec][]): string[] {
  const rows = families.map(([name, { type, labels, aggregation, help }]) => {
    const labelNames = Object.keys(labels).map((label) => `\`${label}\``);
    return [`\`${name}\``, type, labelNames.join(', '), aggregation, help];
  });
  const head = ['family', 'type', 'labels', 'over replicas', 'meaning'];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  // Padded, because that is how the formatter leaves it.
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)];
}
