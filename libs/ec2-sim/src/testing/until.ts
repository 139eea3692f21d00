import { setImmediate } from 'node:timers/promises';

/** Waits, turn by turn of the event loop, for something that real input and output will bring about. */
export async function until(holds: () => boolean | Promise<boolean>, withinMs = 5000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error('it did not come about in time');
    await setImmediate();
  }
}
