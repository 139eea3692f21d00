/** One message of a Server-Sent Events stream. */
export interface StreamEvent {
  /** What the client hands back as Last-Event-ID. */
  id: string;
  /** Sent as JSON. */
  data: unknown;
}

/** An open stream. Its writes wait for a slow client, so a stream never holds more than the socket's own buffer. */
export interface EventStream {
  /** Aborts when the client has gone, was too slow, or the process shuts down. */
  readonly signal: AbortSignal;
  send(event: StreamEvent): Promise<void>;
  /** A comment: keeps proxies from thinking the stream dead. */
  keepAlive(): Promise<void>;
}

export interface EventStreamSettings {
  /** How often a silent stream says that it is alive. */
  keepAliveMs: number;
  /** How long a client may leave the stream's buffer full before it is cut off. */
  stallMs: number;
  /** Streams of one process; more are refused. */
  maxOpen: number;
}

export const EVENT_STREAM_SETTINGS: EventStreamSettings = { keepAliveMs: 15_000, stallMs: 20_000, maxOpen: 5_000 };

export interface StreamObserver {
  opened(): void;
  closed(): void;
  /** A client was cut off because it did not read. */
  stalled(): void;
}
