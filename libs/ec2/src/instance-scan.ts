import type { InstanceView } from './cloud-provider.js';
import { type DecodedTags, type InstanceFacts, InstanceViewer } from './instance-view.js';
import { decodeXmlText } from './xml-text.js';
import { type XmlListener, XmlTokens } from './xml-tokens.js';

/** Where instances stand in the answer to an operation, from its root on. */
const INSTANCES_IN = {
  describe_instances: ['DescribeInstancesResponse', 'reservationSet', 'item', 'instancesSet', 'item'],
  run_instances: ['RunInstancesResponse', 'instancesSet', 'item'],
} as const;
export type InstanceAnswer = keyof typeof INSTANCES_IN;

/** What is read of an instance, by the path of its element inside the instance. */
const WANTED: ReadonlySet<string> = new Set([
  'instanceId',
  'instanceState.name',
  'stateReason.code',
  'ipAddress',
  'amiLaunchIndex',
  'launchTime',
  'instanceLifecycle',
  'instanceType',
]);
/** What holds some of it. */
const ENTERED: ReadonlySet<string> = new Set([...WANTED].flatMap((path) => path.split('.').slice(0, -1)));

/**
 * Takes the instances out of an answer while it arrives. The SDK's own parser builds the whole answer in memory several
 * times over, in one go: with the long tags of large batches a page is 11 MB and a sweep of 100,000 instances a gigabyte,
 * and the answer to a launch of 1,000 keeps every other region of the process waiting for most of a second. Its texts also
 * keep the page alive that they are cut from.
 */
export class InstanceScan implements XmlListener {
  readonly instances: InstanceView[] = [];
  readonly #pathToInstance: readonly string[];
  readonly #tokens = new XmlTokens(this);
  readonly #viewer = new InstanceViewer();
  readonly #path: string[] = [];
  readonly #rest: string[] = [];
  #fields: Record<string, string> | null = null;
  #tags: DecodedTags = { plain: {}, identity: null };
  /** The raw tags last seen and what they say: those of the next instance are mostly the same. */
  #lastTags: { raw: Buffer; decoded: DecodedTags } | null = null;

  constructor(answer: InstanceAnswer) {
    this.#pathToInstance = INSTANCES_IN[answer];
  }

  write(chunk: Buffer): void {
    this.#tokens.write(chunk);
  }

  /** The answer without its instances, for the SDK. Throws when the answer is no list of instances, or not all of it. */
  end(): Buffer {
    const [root] = this.#pathToInstance;
    if (this.#path[0] !== root || !this.#tokens.balanced) {
      throw new Error('EC2 answered with something else than a whole list of instances');
    }
    return Buffer.from(`<${root}>${this.#rest.join('')}</${root}>`);
  }

  open(name: string, depth: number): 'whole' | 'skip' | undefined {
    this.#path[depth - 1] = name;
    const { length } = this.#pathToInstance;
    if (this.#fields !== null) {
      if (depth === length + 1 && ENTERED.has(name)) return undefined;
      return name === 'tagSet' || WANTED.has(this.#fieldAt(depth)) ? 'whole' : 'skip';
    }
    if (depth === length && this.#pathToInstance.every((step, index) => this.#path[index] === step)) {
      this.#fields = {};
      this.#tags = this.#viewer.decode({});
    }
    return undefined;
  }

  close(depth: number, text: Buffer): void {
    if (this.#fields !== null) {
      if (depth === this.#pathToInstance.length) this.#finishInstance(this.#fields);
    } else if (depth === 2 && this.#path[1] !== this.#pathToInstance[1]) {
      const name = this.#path[1] ?? '';
      this.#rest.push(`<${name}>${text.toString()}</${name}>`);
    }
  }

  whole(name: string, depth: number, content: Buffer): void {
    if (name === 'tagSet') this.#readTags(content);
    else if (this.#fields !== null) this.#fields[this.#fieldAt(depth)] = decodeXmlText(content.toString());
  }

  /** The path of the element at this depth inside its instance. */
  #fieldAt(depth: number): string {
    const { length } = this.#pathToInstance;
    const outer = this.#path[length] ?? '';
    return depth === length + 1 ? outer : `${outer}.${this.#path[length + 1]}`;
  }

  #readTags(content: Buffer): void {
    if (this.#lastTags === null || !this.#lastTags.raw.equals(content)) {
      this.#lastTags = { raw: Buffer.from(content), decoded: this.#viewer.decode(readTags(content)) };
    }
    this.#tags = this.#lastTags.decoded;
  }

  #finishInstance(fields: Record<string, string>): void {
    this.#fields = null;
    const facts = factsOf(fields);
    if (facts !== null) this.instances.push(this.#viewer.view(facts, this.#tags));
  }
}

/** Null for what has no instance id, which EC2 never sends. */
function factsOf(fields: Record<string, string>): InstanceFacts | null {
  const { instanceId } = fields;
  if (!instanceId) return null;
  return {
    instanceId,
    state: fields['instanceState.name'],
    stateReason: fields['stateReason.code'],
    address: fields.ipAddress,
    launchIndex: Number(fields.amiLaunchIndex ?? 0),
    launchTime: Date.parse(fields.launchTime ?? '') || 0,
    lifecycle: fields.instanceLifecycle,
    instanceType: fields.instanceType,
  };
}

/** The content of a tag set: `<item><key>…</key><value>…</value></item>` for each. */
function readTags(content: Buffer): Record<string, string> {
  const tags: [string, string][] = [];
  for (let from = content.indexOf('<item>'); from >= 0; ) {
    const next = content.indexOf('<item>', from + 1);
    const item = content.subarray(from, next < 0 ? content.length : next);
    tags.push([elementText(item, 'key'), elementText(item, 'value')]);
    from = next;
  }
  return Object.fromEntries(tags);
}

/** Copied, not cut out of a longer text, which would stay in memory as long as this one. */
function elementText(within: Buffer, name: string): string {
  const start = within.indexOf(`<${name}>`);
  if (start < 0) return '';
  const from = start + name.length + 2;
  return decodeXmlText(within.toString('utf8', from, within.indexOf(`</${name}>`, from)));
}
