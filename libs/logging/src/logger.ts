import winston from 'winston';
import { toLoggableJson, toLoggableMembers } from './loggable-json.js';

/** From the least to the most talkative. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Context of a record. Errors may stand under any name (`error` is usual); secrets are taken out by name and shape. */
export type LogFields = Record<string, unknown>;

export interface Logger {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** A logger whose every record also carries these fields (`{requestId}`, `{relayId}`, `{job, region}`). */
  child(fields: LogFields): Logger;
  /** Whether a record of that level would be written: lets hot paths skip building one. */
  enabled(level: LogLevel): boolean;
  /** Resolves once everything logged so far has left this process. */
  flush(): Promise<void>;
}

export interface LoggerOptions {
  level: LogLevel;
  /** Which program speaks: `api`, `jobs`. */
  app: string;
  /** Written to record by record. Default: stdout, to which the records of one turn of the event loop go together. */
  stream?: NodeJS.WritableStream;
  now?: () => Date;
}

/** JSON records, one a line: timestamp, level, app, message, then the fields. Logging never throws. */
export function createLogger(options: LoggerOptions): Logger {
  const stream = options.stream ?? process.stdout;
  const now = options.now ?? (() => new Date());
  const sink = winston.createLogger({
    levels: Object.fromEntries(LOG_LEVELS.map((level, rank) => [level, rank])),
    level: options.level,
    format: winston.format.printf((record) => String(record.message)),
    transports: [new winston.transports.Stream({ stream, eol: '\n' })],
  });
  // Which records are written is decided below, before they are rendered.
  const lines = createLineGroup((text) => sink.log('error', text), options.stream === undefined);
  const rank = LOG_LEVELS.indexOf(options.level);
  const enabled = (level: LogLevel): boolean => LOG_LEVELS.indexOf(level) <= rank;

  const write = (level: LogLevel, message: string, context: LogFields, fields: LogFields | undefined): void => {
    if (!enabled(level)) return;
    const head = { timestamp: now().toISOString(), level, app: options.app };
    lines.add(renderRecord(head, message, context, fields));
  };
  const flush = (): Promise<void> =>
    new Promise((resolve) => {
      lines.send();
      stream.write('', () => resolve());
    });

  const withFields = (context: LogFields): Logger => ({
    error: (message, fields) => write('error', message, context, fields),
    warn: (message, fields) => write('warn', message, context, fields),
    info: (message, fields) => write('info', message, context, fields),
    debug: (message, fields) => write('debug', message, context, fields),
    child: (fields) => withFields({ ...context, ...fields }),
    enabled,
    flush,
  });
  return withFields({});
}

interface LineGroup {
  add(line: string): void;
  /** Sends what was added and has not left yet. */
  send(): void;
}

/** Writing costs more than rendering: a busy process writes what one turn of its event loop logged at once. */
function createLineGroup(write: (text: string) => void, grouped: boolean): LineGroup {
  let lines: string[] = [];
  const send = (): void => {
    if (lines.length === 0) return;
    const text = lines.join('\n');
    lines = [];
    write(text);
  };
  if (!grouped) return { add: write, send };
  return {
    add(line) {
      if (lines.push(line) === 1) setImmediate(send);
    },
    send,
  };
}

interface RecordHead {
  timestamp: string;
  level: LogLevel;
  app: string;
}

const RESERVED: ReadonlySet<string> = new Set<keyof RecordHead | 'message'>(['timestamp', 'level', 'app', 'message']);

/** Rendered here rather than by winston's own JSON format, which lets fields replace the message and can throw. */
function renderRecord(head: RecordHead, message: string, context: LogFields, fields: LogFields | undefined): string {
  const withStacks = head.level === 'error';
  const around = toLoggableMembers(context, {
    withStacks,
    rename: (key) => (fields && hasField(fields, key) ? null : besideHead(key)),
  });
  const own = fields ? toLoggableMembers(fields, { withStacks, rename: besideHead }) : '';
  const record = `${JSON.stringify(head).slice(0, -1)},"message":${toLoggableJson(message, { withStacks })}`;
  return `${record}${around && `,${around}`}${own && `,${own}`}}`;
}

function besideHead(key: string): string {
  return RESERVED.has(key) ? `${key}_` : key;
}

function hasField(fields: LogFields, key: string): boolean {
  try {
    return Object.hasOwn(fields, key);
  } catch {
    return false;
  }
}
