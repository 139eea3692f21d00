export interface BenchmarkRun {
  /** For the reader; a script reads only the last line, which is the figures. */
  print(line: string): void;
  /** What stands after the benchmark's name on the command line. */
  args: readonly string[];
}

/** Prints what helps a reader and answers the figures and ratios that a script reads. */
export type Benchmark = (run: BenchmarkRun) => Promise<Record<string, number>>;
