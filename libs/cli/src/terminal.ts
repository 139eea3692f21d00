/** Where a command writes. Data goes to `out`, everything for the reader alone to `err`: output can be piped. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Whether `err` is a screen on which a line can be written over. */
  live: boolean;
}

const CLEAR_LINE = '\r\u001b[K';

/** One line that is written over as something goes on; on anything but a screen, a line for each step. */
export function progressLine(terminal: Terminal): { show(text: string): void; done(): void } {
  let shown = false;
  return {
    show(text) {
      terminal.err(terminal.live ? `${CLEAR_LINE}${text}` : `${text}\n`);
      shown = true;
    },
    done() {
      if (shown && terminal.live) terminal.err('\n');
    },
  };
}
