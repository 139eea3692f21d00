import type { AlertCourse, AlertKey } from './alert-watch.js';

/** An alert's course and the times (Unix ms) at which its cause began and ended. */
export interface TimedCourse extends AlertCourse {
  alert: AlertKey;
  faultAt: number;
  endedAt: number;
}

const COLUMNS = ['alert', 'pending', 'firing', 'webhook', 'resolved', 'webhook'] as const;

/** What the run showed, alert by alert: seconds since the fault began, and since it ended. */
export function courseTable(courses: readonly TimedCourse[], factor: number): string {
  const rows = courses.map(({ alert, faultAt, endedAt, ...course }) => {
    const since = (from: number, at: number) => `${((at - from) / 1000).toFixed(1)} s`;
    return [
      `${alert.name}{${Object.values(alert.labels ?? {}).join(', ')}}`,
      course.pendingAt === null ? 'no "for"' : since(faultAt, course.pendingAt),
      since(faultAt, course.firingAt),
      since(faultAt, course.firingToldAt),
      since(endedAt, course.resolvedAt),
      since(endedAt, course.resolvedToldAt),
    ];
  });
  const lines = [[...COLUMNS], ...rows];
  const widths = COLUMNS.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const table = lines.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const title = `Every duration × 1/${Math.round(1 / factor)}. From the fault to pending, firing and the webhook; from its end to resolved and the webhook:`;
  return ['', title, ...table.map((line) => `  ${line}`), ''].join('\n');
}
