import type { Metrics } from '@aegis/metrics';
import type { EventStreamSettings, StreamObserver } from '../http/event-stream.js';

export interface StreamRegister {
  settings: EventStreamSettings;
  observer: StreamObserver;
  /** Streams open now. */
  open(): number;
}

/** Counts the event streams of this process, for its limit and for the metrics. */
export function createStreamRegister(
  metrics: Pick<Metrics, 'httpStreamOpened' | 'httpStreamClosed' | 'eventsDropped'>,
  settings: EventStreamSettings,
): StreamRegister {
  let open = 0;
  return {
    settings,
    open: () => open,
    observer: {
      opened() {
        open += 1;
        metrics.httpStreamOpened();
      },
      closed() {
        open -= 1;
        metrics.httpStreamClosed();
      },
      stalled: () => metrics.eventsDropped({ sink: 'sse', count: 1 }),
    },
  };
}
