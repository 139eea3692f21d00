const LESS_THAN = 0x3c;
const GREATER_THAN = 0x3e;
const SLASH = 0x2f;
const QUESTION_MARK = 0x3f;
const EXCLAMATION_MARK = 0x21;
const NONE = Buffer.alloc(0);
/** Of the buffer that pieces are read into: of a large piece, and of the element before it that was not all there. */
const FIRST_CAPACITY = 128 * 1024;

/** Told of the elements of a document in their order. */
export interface XmlListener {
  /**
   * An element begins; `depth` is 1 for the outermost. `whole`: give me everything inside of it at once, as it stands;
   * `skip`: nothing of it. Neither is for an element that may hold one of its own name. Anything else: tell me of it piece
   * by piece. It is asked again when the element was not all there.
   */
  open(name: string, depth: number): 'whole' | 'skip' | undefined;
  /** An element ends; `text` is what stood between its last tag, or its beginning, and its end. */
  close(depth: number, text: Buffer): void;
  whole(name: string, depth: number, content: Buffer): void;
}

/**
 * Reads XML as it arrives, in pieces of any size, and holds no more than the piece and an unfinished element. What it tells
 * of is good only until it returns. It knows what EC2 sends: elements, text and a declaration. Attributes are passed over;
 * anything else is an error.
 */
export class XmlTokens {
  readonly #listener: XmlListener;
  /** Used over and over: memory outside of the heap, freed only by its collector, would pile up with every piece. */
  #buffer: Buffer = Buffer.allocUnsafe(FIRST_CAPACITY);
  #left = 0;
  #depth = 0;

  constructor(listener: XmlListener) {
    this.#listener = listener;
  }

  /** Whether every element that began has ended. */
  get balanced(): boolean {
    return this.#depth === 0;
  }

  write(chunk: Buffer): void {
    const data = this.#append(chunk);
    let from = 0;
    for (let next = 0; next >= 0; ) {
      from = next;
      next = this.#token(data, from);
    }
    data.copyWithin(0, from);
    this.#left = data.length - from;
  }

  #append(chunk: Buffer): Buffer {
    const length = this.#left + chunk.length;
    if (length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, 2 * this.#buffer.length));
      this.#buffer.copy(larger, 0, 0, this.#left);
      this.#buffer = larger;
    }
    chunk.copy(this.#buffer, this.#left);
    return this.#buffer.subarray(0, length);
  }

  /** Handles the text and the tag that begin at `from`; answers where the next ones begin, -1 when they are not all there. */
  #token(data: Buffer, from: number): number {
    const start = data.indexOf(LESS_THAN, from);
    if (start < 0) return -1;
    const end = data.indexOf(GREATER_THAN, start + 1);
    if (end < 0) return -1;
    switch (data[start + 1]) {
      case QUESTION_MARK:
        return end + 1;
      case EXCLAMATION_MARK:
        throw new Error('EC2 answered with XML of an unknown kind');
      case SLASH:
        if (this.#depth === 0) throw new Error('EC2 answered with XML that ends what did not begin');
        this.#listener.close(this.#depth, data.subarray(from, start));
        this.#depth -= 1;
        return end + 1;
      default:
        return this.#opened(data, start, end);
    }
  }

  #opened(data: Buffer, start: number, end: number): number {
    const empty = data[end - 1] === SLASH;
    const depth = this.#depth + 1;
    const name = nameIn(data, start + 1, empty ? end - 1 : end);
    const wanted = this.#listener.open(name, depth);
    if (empty) {
      if (wanted === undefined) this.#listener.close(depth, NONE);
      else if (wanted === 'whole') this.#listener.whole(name, depth, NONE);
      return end + 1;
    }
    if (wanted === undefined) {
      this.#depth = depth;
      return end + 1;
    }
    const closing = `</${name}>`;
    const inner = data.indexOf(closing, end + 1, 'latin1');
    if (inner < 0) return -1;
    if (wanted === 'whole') this.#listener.whole(name, depth, data.subarray(end + 1, inner));
    return inner + closing.length;
  }
}

function nameIn(data: Buffer, from: number, to: number): string {
  let end = from;
  // Up to white space: attributes follow it.
  while (end < to && (data[end] ?? 0) > 0x20) end += 1;
  return data.toString('latin1', from, end);
}
