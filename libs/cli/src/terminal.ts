/** Where a command writes. Data goes to `out`, everything for the reader alone to `err`: output can be piped. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Whether `err` is a screen on which a line can be written over. */
  live: boolean;
}

const CLEAR_LINE = '\r\u001b[K';

export interface ProgressLine {
  show(text: string): void;
  /** Something to be read beside it, that stays. */
  note(text: string): void;
  done(): void;
}

/** One line that is written over as something goes on; on anything but a screen, a line for each step. */
export function progressLine(terminal: Terminal): ProgressLine {
  let shown = false;
  return {
    show(text) {
      terminal.err(terminal.live ? `${CLEAR_LINE}${text}` : `${text}\n`);
      shown = true;
    },
    note(text) {
      terminal.err(`${terminal.live ? CLEAR_LINE : ''}${text}\n`);
      shown = false;
    },
    done() {
      if (shown && terminal.live) terminal.err('\n');
    },
  };
}
