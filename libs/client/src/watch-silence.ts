/** Ends a connection whose other side has vanished without a word: TCP alone would wait for it for ever. */
export interface Silence {
  /** Aborts after too long a silence, or with the signal it was made for. */
  readonly signal: AbortSignal;
  /** From now on silence may last this long, and each sign of life is told. */
  allow(limitMs: number, onHeard: () => void): void;
  /** Passes bytes on; each of them is a sign of life. */
  listen(): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>;
  end(): void;
}

export function watchSilence(limitMs: number, signal: AbortSignal | undefined): Silence {
  const silent = new AbortController();
  const began = (ms: number) => setTimeout(() => silent.abort(new Error(`no sign of life for ${ms / 1000} s`)), ms);
  let timer = began(limitMs);
  let tell = (): void => {};
  return {
    signal: signal ? AbortSignal.any([signal, silent.signal]) : silent.signal,
    allow(ms, onHeard) {
      clearTimeout(timer);
      timer = began(ms);
      tell = onHeard;
    },
    listen: () =>
      new TransformStream({
        transform(chunk, out) {
          timer.refresh();
          tell();
          out.enqueue(chunk);
        },
      }),
    end: () => clearTimeout(timer),
  };
}
