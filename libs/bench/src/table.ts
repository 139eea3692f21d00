/** Lines of a table for the terminal: the first column to the left, the others to the right. */
export function table(head: readonly (string | number)[], rows: readonly (readonly (string | number)[])[]): string[] {
  const lines = [head, ...rows].map((row) => row.map(String));
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines.map((line) => {
    const cells = line.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    });
    return `  ${cells.join('   ')}`;
  });
}
